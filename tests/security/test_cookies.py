"""Cookie names and paths."""

from datetime import timedelta

from hms_rt.security.cookies import Cookies


def test_behind_tls_the_names_carry_the_prefix_that_browsers_enforce() -> None:
    cookies = Cookies(tls=True)
    session = cookies.session("t", timedelta(hours=12))
    assert (session.name, session.path, session.max_age) == ("__Host-hms_session", "/", 43_200)
    refresh = cookies.refresh("t", timedelta(hours=12))
    assert (refresh.name, refresh.path) == ("__Secure-hms_refresh", "/api/v1/auth")
    assert cookies.device("t", timedelta(1)).name == "__Host-hms_device"


def test_without_tls_they_are_plain() -> None:
    cookies = Cookies(tls=False)
    jar = {"hms_session": "a", "hms_refresh": "b", "hms_device": ""}
    assert cookies.session_of(jar) == "a"
    assert cookies.refresh_of(jar) == "b"
    assert cookies.device_of(jar) is None


def test_a_cookie_set_without_tls_means_nothing_behind_tls() -> None:
    assert Cookies(tls=True).session_of({"hms_session": "a"}) is None


def test_signing_out_deletes_the_users_cookies_and_not_the_screens() -> None:
    gone = Cookies(tls=False).signed_out()
    assert [(cookie.name, cookie.max_age) for cookie in gone] == [("hms_session", 0), ("hms_refresh", 0)]
