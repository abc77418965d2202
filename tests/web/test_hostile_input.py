"""Whatever arrives, the answer is a problem document that says what is wrong, and nothing is done."""

import gzip
import json

import pytest

from hms_rt.kernel.paging import encode_cursor
from hms_rt.kernel.schema import Schema
from tests.web.conftest import Client, MakeClient
from tests.web.reading import by_hand, check_problem, problem
from tests.web.tiny import BED, FakeServices


class OtherKey(Schema):
    """The sort key of another list."""

    day: int


LABEL = '"label":"12"'

BODIES = [
    ("no body", b"", 400, "malformed"),
    ("not JSON", b"{", 400, "malformed"),
    ("not UTF-8", b'{"label":"\xff"}', 400, "malformed"),
    ("escaped NUL", b'{"label":"a\\u0000b"}', 400, "malformed"),
    ("raw NUL", b'{"label":"a\x00b"}', 400, "malformed"),
    ("lone surrogate", b'{"label":"\\ud800"}', 400, "malformed"),
    ("NaN", f'{{{LABEL},"beds":NaN}}'.encode(), 400, "malformed"),
    ("infinity", f'{{{LABEL},"beds":-Infinity}}'.encode(), 400, "malformed"),
    ("duplicate keys", f"{{{LABEL},{LABEL}}}".encode(), 400, "malformed"),
    ("deep", f'{{{LABEL},"notes":{"[" * 40}{"]" * 40}}}'.encode(), 400, "malformed"),
    ("very deep", b"[" * 100_000, 400, "malformed"),
    ("a number of 5,000 digits", f'{{{LABEL},"beds":{"9" * 5000}}}'.encode(), 400, "malformed"),
    ("huge float", f'{{{LABEL},"beds":1e999}}'.encode(), 422, "invalid"),
    ("unknown field", f'{{{LABEL},"admin":true}}'.encode(), 422, "invalid"),
    ("wrong type", b'{"label":{}}', 422, "invalid"),
    ("array", b"[]", 422, "invalid"),
    ("null", b"null", 422, "invalid"),
    ("missing", b"{}", 422, "invalid"),
    ("too long", json.dumps({"label": "x" * 121}).encode(), 422, "invalid"),
    ("control character", b'{"label":"a\\u0007b"}', 422, "invalid"),
    ("a time without zone", f'{{{LABEL},"cleaned_at":"2025-01-01T00:00:00"}}'.encode(), 422, "invalid"),
    ("a time far away", f'{{{LABEL},"cleaned_at":"9999-12-31T23:59:59Z"}}'.encode(), 422, "invalid"),
    ("a time as a huge number", f'{{{LABEL},"cleaned_at":1e300}}'.encode(), 422, "invalid"),
    ("oversize", b'{"label":"' + b"x" * 262_144 + b'"}', 413, "too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), [c[1:] for c in BODIES], ids=[c[0] for c in BODIES])
async def test_a_hostile_body(
    client: Client, services: FakeServices, body: bytes, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"}
    await problem(await client.post("/api/v1/beds", data=body, headers=headers), status, code)
    assert services.commands == []


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/jsonp",
        "",
    ],
)
async def test_only_json_is_accepted(client: Client, media_type: str) -> None:
    response = await client.post("/api/v1/beds", data=b"{}", headers={"Content-Type": media_type})
    await problem(response, 415, "unsupported_media_type")


async def test_charset_utf_8_may_be_said(client: Client) -> None:
    headers = {"Content-Type": 'application/json; charset="UTF-8"'}
    assert (await client.post("/api/v1/beds", data=b'{"label":"x"}', headers=headers)).status == 201


async def test_a_compressed_body_is_refused(client: Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    response = await client.post("/api/v1/beds", data=gzip.compress(b"{}" * 1000), headers=headers)
    await problem(response, 415, "unsupported_media_type")


async def test_an_oversize_body_in_chunks_is_refused(client: Client, services: FakeServices) -> None:
    head = b"POST /api/v1/beds HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
    chunk = b"10000\r\n" + b"[" * 0x10000 + b"\r\n"
    status, _, body = await by_hand(client, head, chunk * 5 + b"0\r\n\r\n")
    assert status == 413
    check_problem(json.loads(body), 413, "too_large")
    assert services.commands == []


async def test_a_resource_without_body_refuses_one(client: Client) -> None:
    response = await client.delete(BED, data=b"{}", headers={"If-Match": '"3"'})
    await problem(response, 422, "invalid")


@pytest.mark.parametrize(
    "query",
    [
        "unknown=1",
        "limit=0",
        "limit=201",
        "limit=ten",
        "limit=5&limit=6",
        "ward=icu",
        "ward=%00",
        "ward=%ff",
        "%00=1",
        "%ff=1",
        "ward=ICU%0A",
        "cursor=",
        "cursor=***",
        "cursor=AAAA",
        "cursor=bnVsbA",
        "cursor=" + "A" * 2000,
        "cursor=" + encode_cursor(OtherKey(day=3)),
        "=",
        "x" * 9000,
    ],
)
async def test_a_hostile_query(client: Client, query: str) -> None:
    status, _, body = await by_hand(client, f"GET /api/v1/beds?{query} HTTP/1.1".encode())
    if len(query) > 8190 and status == 400:  # refused by the HTTP parser already
        return
    assert status == 422, body
    check_problem(json.loads(body), 422, "invalid")


async def test_a_resource_without_query_refuses_one(client: Client) -> None:
    await problem(await client.get(BED + "?expand=1"), 422, "invalid")


@pytest.mark.parametrize("version", ["3", '"three"', 'W/"3"', "*", '"3", "4"', '"-1"', '"99999999999"', '""'])
async def test_a_bad_if_match(client: Client, version: str) -> None:
    response = await client.patch(BED, json={"label": "x"}, headers={"If-Match": version})
    await problem(response, 422, "invalid")


@pytest.mark.parametrize(
    "segment",
    [
        b"12",
        b"%00",
        b"%zz",
        b"%",
        b"%ff%fe",
        b"%2e%2e",
        b"..",
        b"%0a",
        b"%ed%a0%80",
        b"\xff\xfe",
        b"urn:uuid:0190a000-0000-7000-8000-000000000001",
        b"{0190a000-0000-7000-8000-000000000001}",
        b"0190a000000070008000000000000001",
        b"x" * 5000,
        b"a/b/c",
        b"a%2Fb",
    ],
)
async def test_a_hostile_path(client: Client, segment: bytes) -> None:
    status, _, body = await by_hand(client, b"GET /api/v1/beds/" + segment + b" HTTP/1.1")
    assert status in {400, 404}, body
    if status == 404:
        check_problem(json.loads(body), 404, "not_found")


@pytest.mark.parametrize(
    "segment", [b"%00", b"%ff", b"icu", b"\xe9", b"AAAAAAAAAAAAAAAAAAAA", b"%zz", b"ICU%0A"]
)
async def test_a_hostile_code(client: Client, segment: bytes) -> None:
    target = b"GET /api/v1/wards/" + segment + b"/days/2025-01-01/1 HTTP/1.1"
    status, _, body = await by_hand(client, target)
    assert status in {400, 422}, body


async def test_broken_chunks_are_the_clients_fault(client: Client) -> None:
    head = b"POST /api/v1/beds HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
    status, _, _ = await by_hand(client, head, b"zz\r\n{}\r\n0\r\n\r\n")
    assert status == 400


async def test_forwarded_nonsense_changes_nothing(make_client: MakeClient) -> None:
    client = await make_client()
    headers = {"X-Forwarded-For": "é,,;", "X-Request-Id": "a b" * 99, "Origin": "null"}
    response = await client.get(BED, headers=headers)
    assert response.status == 200
    assert len(response.headers["X-Request-Id"]) == 32
