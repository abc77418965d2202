"""What the load client prints, recorded, and what is made of it."""

import pytest

from bench.load import Load, LoadError, parse
from bench.scenarios.commit import figures
from bench.scenarios.commit import parse as parse_log

SAID = (
    b'{"n":100,"ok":100,"failed":0,"died":0,"connect_s":0.345,"connect_rate":289,"frames":296778,'
    b'"frames_per_s":148389,"lat_p99_us":8388.6,"changes_per_s":148389,"holes":0,"error":""}\n'
)
REFUSED = b'{"n":100,"ok":3,"failed":97,"error":"http: HTTP/1.1 429 Too Many Requests"}\n'
LOG = [
    "28 2026-11-23T12:40:00.108Z 1795437600110000000 1795437600114500000 2",
    "27 2026-11-23T12:40:00.041Z 1795437600042000000 1795437600044000000 2",
]
PRESSED = [1795437600.030, 1795437600.100]


def test_the_client_s_figures_are_read() -> None:
    measured = parse(SAID, b"connected 100/100 in 0.35s\n", Load(100, 2))
    assert (measured["frames_per_s"], measured["holes"]) == (148389, 0)


def test_sockets_that_were_refused_are_no_measurement() -> None:
    with pytest.raises(LoadError, match=r"3 of 100 sockets.*429"):
        parse(REFUSED, b"", Load(100, 2))


def test_a_client_that_dies_tells_why() -> None:
    with pytest.raises(LoadError, match="too many open files"):
        parse(b"", b"socket: too many open files", Load(100, 2))


def test_the_options_of_a_load_reach_the_client() -> None:
    said = Load(10, 2, trigger=4000, rate=20, pid=77, options=("-E", "change")).arguments()
    assert said[-8:] == ["-E", "change", "-u", "4000", "-r", "20", "-P", "77"]


def test_commit_to_the_last_screen_is_taken_from_the_numbering_and_from_the_press() -> None:
    found = figures(parse_log(LOG), PRESSED, screens=2)
    assert found["commit_p50_ms"] == pytest.approx(6.5, abs=0.01)
    assert found["press_p99_ms"] == pytest.approx(14.5, abs=0.01)
    assert (found["changes"], found["incomplete"]) == (2, 0)


def test_a_screen_that_missed_a_change_is_counted() -> None:
    assert figures(parse_log(LOG), PRESSED, screens=3)["incomplete"] == 2


def test_changes_and_presses_must_be_as_many() -> None:
    with pytest.raises(RuntimeError, match="1 changes were made and 2 seen"):
        figures(parse_log(LOG), PRESSED[:1], screens=2)
