"""What Envoy lets across in either direction: headers, cookies, hosts, malformed requests."""

from __future__ import annotations

import time

import pytest

from doorward.enforcement.envoy.check import (
    ADDRESS_HEADER,
    CERTIFICATE_HEADER,
    IDENTITY_HEADERS,
    RESOURCE_HEADER,
    SCHEME_HEADER,
    STREAM_HEADER,
    certificate_in,
)
from doorward.entrypoints.ext_authz.http_server import HttpRequest, HttpResponse
from doorward.model.spiffe import host_named_by, service_named_by
from tests.integration.boundary_stand import Stand, allow, deny
from tests.integration.boundary_wire import Wire

SPOOFED = (
    "doorward-user: mallory",
    "Doorward-Groups: admins",
    "DOORWARD-ASSERTION: x",
    "doorward-stream: x",
    "doorward-check-address: 10.0.0.1",
    "doorward-check-certificate: aa",
    "doorward-check-resource: other",
    "doorward-anything: x",
    "x-http-method-override: DELETE",
    "X-HTTP-Method: DELETE",
    "x-method-override: DELETE",
    "doorward_user: mallory",
    "x-envoy-original-path: /other",
    "x-envoy-upstream-rq-timeout-ms: 1",
    "x-envoy-retry-on: 5xx",
    "x-forwarded-proto: https",
    "x-forwarded-client-cert: Hash=aa",
    "x-forwarded-host: other.example.test",
    "x-forwarded-for: 6.6.6.6",
    "x-original-url: /admin",
    *(
        f"{name}: mallory"
        for name in (
            "remote-user",
            "x-remote-user",
            "x-forwarded-user",
            "x-forwarded-email",
            "x-forwarded-groups",
            "x-forwarded-preferred-username",
            "x-auth-request-user",
            "x-auth-request-email",
            "x-auth-request-groups",
            "x-webauth-user",
            "x-client-ip",
            "true-client-ip",
            "x-cluster-client-ip",
            "x-forwarded-port",
            "x-forwarded-prefix",
            "x-forwarded-uri",
            "x-original-host",
        )
    ),
    "x-rewrite-url: /admin",
    "x-real-ip: 6.6.6.6",
    "forwarded: for=6.6.6.6",
)


def test_the_sign_in_host_learns_the_client_s_certificate_from_envoy_alone(
    stand: Stand, wire: Wire
) -> None:
    auth = "auth.example.test"
    forged = (f"{CERTIFICATE_HEADER}: {'aa' * 32}", f"Doorward-Check-Certificate: {'bb' * 32}")
    plain = wire.get("/openid/authorize", *forged, host=auth)
    assert plain.seen(CERTIFICATE_HEADER) in ([], [""])
    with Wire(stand.tls, stand.client_tls()) as secured:
        answer = secured.get("/openid/authorize", *forged, host=auth)
        assert answer.seen(CERTIFICATE_HEADER) in ([], [""])
    with Wire(stand.tls, stand.client_tls(device=True)) as secured:
        for path in ("/openid/authorize", "/"):
            answer = secured.get(path, *forged, host=auth)
            (seen,) = answer.seen(CERTIFICATE_HEADER)
            shown = certificate_in(seen)
            assert shown is not None
            assert (shown.thumbprint, shown.uri) == (stand.thumbprint, stand.certificate_uri)


def test_the_question_holds_what_the_contract_names(stand: Stand, wire: Wire) -> None:
    told = ("accept: text/html", "cookie: a=b", "sec-fetch-mode: navigate", "x-other: 1")
    wire.ask("POST", "/a?b=c", *told, *SPOOFED, body=b"secret")
    (question,) = stand.check.questions
    assert (question.method, question.target) == ("POST", "/a?b=c")
    assert question.headers["host"] == ["hr.example.test"]
    assert question.headers[ADDRESS_HEADER] == ["127.0.0.1"]
    assert question.headers[SCHEME_HEADER] == ["http"]
    assert question.headers[RESOURCE_HEADER] == ["hr"]
    assert certificate_in(question.headers[CERTIFICATE_HEADER][0]) is None
    assert question.headers["cookie"] == ["a=b"]
    assert question.headers["sec-fetch-mode"] == ["navigate"]
    assert question.headers.get("content-length", ["0"]) == ["0"]
    assert "x-other" not in question.headers
    assert not [name for name in question.headers if "method" in name or "_" in name]
    assert "mallory" not in str(question.headers)


def test_over_tls_the_question_names_scheme_and_certificate(stand: Stand) -> None:
    stand.check.questions.clear()
    with Wire(stand.tls, stand.client_tls(device=True)) as wire:
        wire.get("/", *SPOOFED)
    (question,) = stand.check.questions
    assert question.headers[SCHEME_HEADER] == ["https"]
    shown = certificate_in(question.headers[CERTIFICATE_HEADER][0])
    assert shown is not None
    assert (shown.thumbprint, shown.uri) == (stand.thumbprint, stand.certificate_uri)
    assert shown.ends_at > time.time()


def test_a_service_s_certificate_tells_the_host_that_it_was_issued_to(stand: Stand) -> None:
    stand.check.questions.clear()
    with Wire(stand.tls, stand.client_tls(workload=True)) as wire:
        wire.get("/", *SPOOFED)
    (question,) = stand.check.questions
    shown = certificate_in(question.headers[CERTIFICATE_HEADER][0])
    assert shown is not None
    assert service_named_by(shown.uri) == "billing"
    assert host_named_by(shown.subject) == ("laptop", "ab" * 32)


@pytest.mark.parametrize("ticketed", [True, False])
def test_identity_headers_of_a_client_never_arrive(
    stand: Stand, wire: Wire, *, ticketed: bool
) -> None:
    stand.check.answer = allow
    answer = wire.get("/", *SPOOFED, *([stand.ticket()] if ticketed else []))
    assert answer.status == 200
    assert answer.seen("doorward-user") == (["alice"] if ticketed else ["bob"])
    for name in IDENTITY_HEADERS:
        assert len(answer.seen(name)) == 1
    names = {name for name, _ in answer.echo["headers"]}
    assert names <= {
        *IDENTITY_HEADERS,
        "host",
        "x-forwarded-proto",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-envoy-external-address",
    }
    assert answer.seen("x-forwarded-proto") == ["http"]
    assert answer.seen("x-forwarded-for") == ["127.0.0.1"]
    assert answer.seen("x-forwarded-host") == ["hr.example.test"]


OWN = "__Host-doorward-session=s"


@pytest.mark.parametrize("ticketed", [True, False])
@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        (OWN, None),
        ("a=1", "a=1"),
        (f"a=1; {OWN}", "a=1"),
        (f"{OWN}; a=1", "a=1"),
        (f"a=1; {OWN}; b=2", "a=1; b=2"),
        (f"a=1;{OWN};b=2", "a=1;b=2"),
        (f"{OWN}; __Host-doorward-flow=f", None),
        (f"a=1; {OWN}; __Host-doorward-flow=f; b=2", "a=1; b=2"),
        (f"{OWN}; a=1; __Host-doorward-flow=f", "a=1"),
        ("__HOST-DOORWARD-session=s; a=1", "a=1"),
        ("__Host-doorward=1; a=1", "__Host-doorward=1; a=1"),
        ('q="x; y"; a==; b', 'q="x; y"; a==; b'),
        (f"a=1;  {OWN}", "a=1"),
        (f"  {OWN}  ;  a=1", "a=1"),
        (f"x{OWN}; a=1", f"x{OWN}; a=1"),
        (f"a=1; \t{OWN}", "a=1"),
    ],
)
def test_no_cookie_of_doorward_reaches_an_upstream(
    stand: Stand, wire: Wire, sent: str, arrives: str | None, *, ticketed: bool
) -> None:
    stand.check.answer = allow
    if ticketed:
        sent = f"{sent}; {stand.ticket().removeprefix('cookie: ')}"
    answer = wire.get("/", f"cookie: {sent}")
    assert answer.status == 200
    assert answer.seen("cookie") == ([arrives] if arrives else [])


def test_cookie_lines_that_no_client_may_send_leak_nothing(stand: Stand, wire: Wire) -> None:
    stand.check.answer = allow
    answer = wire.get("/", "cookie: a=1", f"cookie: {OWN}", "cookie: b=2", stand.ticket())
    assert answer.status == 200
    assert "doorward" not in "".join(answer.seen("cookie"))


def test_a_large_cookie_arrives_whole(stand: Stand, wire: Wire) -> None:
    stand.check.answer = allow
    large = "a=" + "x" * 4000 + "; b=" + "y" * 4000
    assert wire.get("/", f"cookie: {OWN}; {large}").seen("cookie") == [large]


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("Bearer dwt_1.secret", []),
        ("bearer   DWT_1.secret", []),
        ("Bearer other", ["Bearer other"]),
        ("Basic YTpi", ["Basic YTpi"]),
    ],
)
def test_a_service_token_never_reaches_an_upstream(
    stand: Stand, wire: Wire, sent: str, arrives: list[str]
) -> None:
    stand.check.answer = allow
    assert wire.get("/", f"authorization: {sent}").seen("authorization") == arrives


def test_a_denial_arrives_with_its_own_headers_only(stand: Stand, wire: Wire) -> None:
    answer = wire.get("/")
    assert (answer.status, answer.body) == (403, b"denied")
    assert answer.headers["location"] == ["https://auth.example.test/start"]
    assert answer.headers["set-cookie"] == ["flow=1"]
    assert answer.headers["cache-control"] == ["no-store"]
    assert answer.headers["content-security-policy"] == ["default-src 'none'"]
    assert "internal" not in answer.headers
    assert "server" not in answer.headers


def test_an_allow_sets_cookies_and_hides_the_rest(stand: Stand, wire: Wire) -> None:
    def with_ticket(request: HttpRequest) -> HttpResponse:
        answer = allow(request)
        more = [("set-cookie", "one=1"), ("set-cookie", "two=2"), ("internal", "x")]
        return HttpResponse(200, [*answer.headers, *more, (STREAM_HEADER, "key")])

    stand.check.answer = with_ticket
    answer = wire.get("/")
    assert answer.headers["set-cookie"] == ["one=1", "two=2"]
    assert answer.seen(STREAM_HEADER) == ["key"]
    assert answer.seen("internal") == []
    assert "internal" not in answer.headers


@pytest.mark.parametrize("status", [500, 503])
def test_a_failing_decision_process_is_a_denial(stand: Stand, wire: Wire, status: int) -> None:
    stand.check.answer = lambda _: HttpResponse(status, [], b"trace")
    answer = wire.get("/")
    assert (answer.status, answer.body) == (503, b"")


def test_the_upstream_sees_host_and_address_as_the_client_had_them(
    stand: Stand, wire: Wire
) -> None:
    answer = wire.get("/", stand.ticket(), host="hr.example.test:8080")
    assert answer.seen("host") == ["hr.example.test:8080"]
    assert answer.seen("x-forwarded-host") == ["hr.example.test:8080"]
    assert answer.seen("x-forwarded-for") == ["127.0.0.1"]


@pytest.mark.parametrize(
    "host",
    [
        "example.test",
        "unknown.example.test",
        "hr.example.test.",
        "hr.example.test.evil.test",
        "x.hr.example.test",
        "127.0.0.1",
        "localhost:80",
        "probe.doorward.invalid.",
    ],
)
def test_another_host_is_misdirected(stand: Stand, wire: Wire, host: str) -> None:
    stand.check.answer = allow
    assert wire.get("/", stand.ticket(), host=host).status == 421
    assert not stand.check.questions


def test_the_probe_answers_on_its_own_socket_only(wire: Wire) -> None:
    answer = wire.get("/epoch", host="probe.doorward.invalid")
    assert answer.status in {404, 421}


MALFORMED = {
    "no-host": b"GET / HTTP/1.1\r\n\r\n",
    "two-hosts": b"GET / HTTP/1.1\r\nhost: hr.example.test\r\nhost: wiki.example.test\r\n\r\n",
    "old-version": b"GET / HTTP/1.0\r\nhost: hr.example.test\r\n\r\n",
    "version-0.9": b"GET /\r\n\r\n",
    "length-and-chunks": (
        b"POST / HTTP/1.1\r\nhost: hr.example.test\r\ncontent-length: 5\r\n"
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "two-lengths": (
        b"POST / HTTP/1.1\r\nhost: hr.example.test\r\ncontent-length: 1\r\n"
        b"content-length: 2\r\n\r\nab"
    ),
    "odd-coding": (
        b"POST / HTTP/1.1\r\nhost: hr.example.test\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n"
    ),
    "space-before-colon": b"GET / HTTP/1.1\r\nhost: hr.example.test\r\na : b\r\n\r\n",
    "null": b"GET / HTTP/1.1\r\nhost: hr.example.test\r\na: b\0c\r\n\r\n",
    "bare-cr-in-name": b"GET / HTTP/1.1\r\nhost: hr.example.test\r\nb\rdoorward-user: d\r\n\r\n",
    "bad-chunk": (
        b"POST /bad-chunk HTTP/1.1\r\nhost: hr.example.test\r\n"
        b"transfer-encoding: chunked\r\n\r\nzz\r\n\r\n"
    ),
    "escaped-slash": b"GET /a%2fb HTTP/1.1\r\nhost: hr.example.test\r\n\r\n",
    "escaped-backslash": b"GET /a%5Cb HTTP/1.1\r\nhost: hr.example.test\r\n\r\n",
    "large-headers": (
        b"GET / HTTP/1.1\r\nhost: hr.example.test\r\na: " + b"x" * 70_000 + b"\r\n\r\n"
    ),
    "many-headers": (b"GET / HTTP/1.1\r\nhost: hr.example.test\r\n" + b"a: b\r\n" * 150 + b"\r\n"),
    "connect": b"CONNECT wiki.example.test:443 HTTP/1.1\r\nhost: wiki.example.test:443\r\n\r\n",
    "tls-on-plain": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_requests_are_refused(stand: Stand, wire: Wire, name: str) -> None:
    stand.check.answer = allow
    wire.send(MALFORMED[name])
    try:
        status, _ = wire.head()
    except ConnectionError:
        status = 400
    assert status in {400, 404, 421, 426, 431, 501}
    # The head of a bad chunk is well-formed, and may be asked about while the next test runs.
    assert not [asked for asked in stand.check.questions if asked.target != "/bad-chunk"]


@pytest.mark.parametrize("ending", ["\r\n ", "\r\n\t", "\r"])
def test_a_line_break_within_a_value_makes_no_header(stand: Stand, wire: Wire, ending: str) -> None:
    stand.check.answer = allow
    answer = wire.get("/", f"a: b{ending}doorward-user: mallory")
    assert answer.seen("doorward-user") == ["bob"]
    assert len(answer.seen("a")) == 1


def test_a_second_request_cannot_hide_in_a_first(stand: Stand, wire: Wire) -> None:
    stand.check.answer = deny
    wire.send(
        b"POST / HTTP/1.1\r\nhost: hr.example.test\r\ncontent-length: 6\r\n"
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"
        b"GET /admin HTTP/1.1\r\nhost: hr.example.test\r\n\r\n"
    )
    assert wire.answer().status == 400
    assert wire.closed()


def test_an_upstream_that_is_gone_is_said_to_be(stand: Stand, wire: Wire) -> None:
    answer = wire.get("/", stand.ticket("gone"), host="gone.example.test")
    assert answer.status == 503
    assert b"127.0.0.1" not in answer.body
