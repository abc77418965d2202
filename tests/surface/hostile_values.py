"""Tables of what nobody should send. ``Kin`` stands for an id that exists; it is put in when sending."""

from enum import StrEnum
from typing import Any

# fmt: off


class Kin(StrEnum):
    """An id or code that exists, but of something else than what is meant."""

    PATIENT = "<patient>"
    TOKEN = "<token>"
    TEST = "<test>"
    ADMISSION = "<admission>"
    BED = "<bed>"
    USER = "<user>"
    UPPER = "<PATIENT>"  # the same, in another spelling
    URN = "<urn>"


def nested(depth: int) -> Any:
    made: Any = "x"
    for _ in range(depth):
        made = [made]
    return made


NUL = "a\x00b"
CURSORS = (
    "",
    "x",
    "e30",
    "bnVsbA",
    "eyJpZCI6MX0",
    "eyJpZCI6Ii0xIn0",
    "eyJjb2RlIjoiXHUwMDAwIn0",
    "x" * 1025,
    "é",
)
"""Cursors that no list gave out; some decode."""

VALUES: tuple[Any, ...] = (
    *Kin,
    *(None, True, False, 0, -1, 1, 2, 7, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**400),
    *(0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf"), float("-inf")),
    *("", " ", "a", "x" * 130, "x" * 5000, "\t\n\r", NUL, "\x00", "\x01", "\x7f", "\x85", "\ufeff", "\u2028"),
    *("\ud800", "a\udfffb", "\ud83d", "שלום\u202e مرحبا", "👩🏽‍⚕️" * 40, "e\u0301" * 60, "İIıß", "ﷺ" * 120,
      "Ⅷ٣³"),
    *("'; DROP TABLE identity_user; --", "%", "_", "\\", "%s %(a)s", "{0}", "${jndi:x}", "../../etc/passwd"),
    *("ICU", "icu", "ICU\n", "ＩＣＵ", "ICU ", "GEN", "C1", "NONE", "LAC", "LAC\n", "A" * 17, "available",
      "occupied"),
    *("reserved", "out_of_service", "waiting", "released", "died", "admin", "blood", "ward", "cashier",
      "critical"),
    *("0001-01-01", "9999-12-31", "2024-02-30", "1582-10-10", "-0001-01-01", "10000-01-01", "2200-01-01"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59",
      "0001-01-01T00:00:00+23:59"),
    *("1880-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T25:00:00Z",
      "1e300", "now"),
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "not-a-uuid", "0" * 36),
    *("1", "-1", "4.0", "1e5", "1E+1000000", "NaN", "Infinity", "-0", ".5", "1" * 400, "0x10", "1_000",
      "+1", "٣.٥"),
    *([], [[]], [None], ["a", "a"], ["LAC"] * 31, [Kin.PATIENT], {}, {"": ""}, {"a": {"b": [1, NUL]}},
      {"$ref": "x"}),
    *({"text": "x"}, {"$where": "1"}, {"a.b": 1, "$a": 2}, {"__proto__": 1}, nested(31), nested(33),
      nested(200)),
    *CURSORS,
)

RAW: tuple[bytes, ...] = (
    *(b"", b" ", b"null", b"true", b"[]", b"{}", b'"x"', b"1", b"{", b'{"a":}', b"[1,]", b"{'a': 1}",
      b"\xff\xfe{}"),
    *(b"\xef\xbb\xbf{}", b'{"a": "\xff"}', b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": -Infinity}', b"{}{}"),
    *(b"[" * 100_000, b'{"a":' * 50_000, b'{"a": ' + b"9" * 5000 + b"}", b'{"a": 1e999999}',
      b'{"\\u0000": 1}'),
    *(b'{"a": "\\ud800"}', b'{"a": "' + b"x" * 300_000 + b'"}', b"\x00", "{}".encode("utf-16"), b"a=1&b=2"),
)
"""Bodies that are not what they should be, whatever the schema."""

HEADERS: tuple[tuple[str, str], ...] = (
    *(("If-Match", value) for value in ("*", '"x"', 'W/"1"', "1", '"1", "2"', '"99999999999"',
      '"2147483648"', "")),
    *(("If-Match", value) for value in ('"0"', '"9999999999"', '"-1"', '"٣"', '"' + "1" * 3000 + '"')),
    *(("If-None-Match", value) for value in ("*", '"1"', "x" * 3000, ",,,")),
    *(("Idempotency-Key", value) for value in ("", " ", "a b", "é", "x" * 201, "x" * 200, "'; --", "\u00a0")),
    *(("X-Request-Id", value) for value in ("", "x", "x" * 65, "a b", "<script>", "é" * 10, "../../x" * 4)),
    *(("Content-Type", value) for value in ("", "text/plain", "application/xml",
      "application/json; charset=utf-16")),
    *(("Content-Type", value) for value in ("multipart/form-data", "application/json;;;", "é/é", "x" * 3000)),
    *(("Content-Encoding", value) for value in ("compress", "identity")),
    *(("Break-Glass-Reason", value) for value in ("", "x", "%00%00%00", "%ED%A0%80abc", "%FFabc",
      "é" * 501, "a%0Ab")),
    *(("Break-Glass-Reason", value) for value in ("patient collapsed", "x" * 3000, "%", "%zz%zz",
      "'; DROP TABLE")),
    *(("Accept", "text/html"), ("Range", "bytes=0-"), ("Expect", "200-maybe"), ("X-HTTP-Method-Override",
      "DELETE")),
    *(("X-Forwarded-For", "é, 1.2.3.4"), ("X-Forwarded-Proto", "javascript"), ("Origin", "null"),
      ("Origin", "é")),
    *(("Sec-Fetch-Site", "cross-site"), ("Authorization", "Bearer x"), ("Cookie", "hms_session=x; =; a"),
      ("Host", "é")),
)


_LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n"
NO_HTTP = (
    *(b"", b"\x00", b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
      b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    *(b"GET / HTTP/1.1\r\n\x00: x\r\n\r\n", b"GET / HTTP/1.1\r\nA\r\n\r\n",
      b"GET \xff HTTP/1.1\r\nHost: x\r\n\r\n"),
    *(b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
      b"GET / HTTP/1.1\r\nA: " + b"x" * 9000 + b"\r\n\r\n"),
    *(_LOGIN + b"Content-Length: -1\r\n\r\n", _LOGIN + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    _LOGIN + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    _LOGIN + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    _LOGIN + b"Content-Type: application/json\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
    _LOGIN + b"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    _LOGIN + b"Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 2\r\n\r\n{}",
    _LOGIN + b"Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{}",
)
"""What is hardly a request, or breaks off."""

FRAMES = (
    *("", " ", "0", "1", "2", "2probe", "3", "4", "5", "6", "7", "9", "x", "\x00", "{}", "[]", "null",
      "é" * 100),
    *("40", "40,", "40/", "40/nowhere,", "40/beds", '40/beds,{"token":1}', "40/beds,[", "40//beds,",
      "40/beds\x00,"),
    *("41", "41/beds,", "41/beds,[]", "42", "42[]", "42/beds,", "42/beds,[]", "42/beds,{}", "42/beds,null"),
    *('42/beds,["subscribe"]', '42/beds,["subscribe",', '42/beds,["subscribe",NaN]', "42/beds,[1,{}]",
      "42/beds,[[]]"),
    *('42/beds,9["subscribe",{},{}]', '42/beds,9[{"a":1},{}]', "42/beds,9[null]",
      '42/beds,-1["subscribe",{}]'),
    *('42/beds,99999999999999999999["subscribe",{}]', '42/beds,9["connect",{}]',
      '42/beds,9["disconnect",{}]'),
    *('42/beds,9["connect",{"aiohttp.request":1}]', '42/beds,9["__init__",{}]',
      '42/beds,9["trigger_event","x"]'),
    *('42/beds,9["subscribe",{"room":"ward:ICU","room":"hospital"}]', '42/beds,9["' + "x" * 60_000 + '",{}]'),
    *("43/beds,1[]", "43/beds,[]", "44/beds,{}", '44/beds,"x"', "45/beds,", "451-/beds,[", "46/beds,",
      "47/beds,", "49"),
    *('451-/beds,["subscribe",{"_placeholder":true,"num":0}]', "42/beds,9" + "[" * 5000,
      "42/opd,9[" + "9" * 5000 + "]"),
    *('42/lab,9["collect",{}]', '42,9["subscribe",{"room":"ward:ICU"}]', '42/beds?x=1,9["subscribe",{}]',
      "42/beds"),
    "4" * 70_000,
)
"""What comes over a WebSocket and is no packet, or none that a client may send."""
