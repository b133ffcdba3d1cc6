"""Twilio's signature: of a form, of JSON, and what it does not let through."""

import hashlib
import hmac
from base64 import b64encode
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from twilio.request_validator import RequestValidator

from agents.intake.parsing import Malformed
from agents.intake.providers import webhooks
from agents.intake.providers._twilio import Form
from agents.intake.providers.twilio_voice import PROVIDER
from streams.connectors.hooks import Delivery, NotGenuine
from tests.unit.vectors import vector

TOKEN = vector("twilio-form")["key"]
URL = "https://floor.example/hooks/twilio-voice/main?site=berlin"
AT = 1_792_490_400_000


def delivery(body: bytes, signature: str | None, url: str = URL, at: int = AT) -> Delivery:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if signature is not None:
        headers["x-twilio-signature"] = signature
    query = tuple(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return Delivery("POST", url, query, headers, body, at)


def of_vector(name: str) -> Delivery:
    block = vector(name)
    return delivery(block["body"].encode(), block["expected"], block["url"])


@pytest.mark.parametrize("name", ["twilio-conversations", "twilio-taskrouter", "twilio-voice"])
def test_what_twilios_own_library_signs_is_genuine(name: str) -> None:
    fields = {"EventType": "task.created", "Body": "", "From": "+4930901820", "Name": "Zoë & Co"}
    signature = RequestValidator(TOKEN).compute_signature(URL, fields)
    webhooks()[name].verify(delivery(urlencode(fields).encode(), signature), {"auth_token": ("fwnew", TOKEN)})


def proof(said: str, token: str = TOKEN) -> str:
    return b64encode(hmac.digest(token.encode(), said.encode(), "sha1")).decode()


def verify(request: Delivery, *tokens: str) -> None:
    PROVIDER.verify(request, {"auth_token": tokens or (TOKEN,)})


@pytest.mark.parametrize("name", ["twilio-form", "twilio-repeated-keys", "twilio-json"])
def test_the_vectors_are_genuine(name: str) -> None:
    verify(of_vector(name), vector(name)["key"])


@pytest.mark.parametrize("name", ["twilio-form", "twilio-repeated-keys"])
def test_the_vectors_strings_to_sign_are_what_was_signed(name: str) -> None:
    assert proof(vector(name)["string to sign"], vector(name)["key"]) == vector(name)["expected"]


@pytest.mark.parametrize("name", ["twilio-form", "twilio-repeated-keys", "twilio-json"])
def test_an_altered_body_is_not_genuine(name: str) -> None:
    request = of_vector(name)
    with pytest.raises(NotGenuine):
        verify(request._replace(body=request.body + b"1"))


def test_a_dropped_blank_value_is_not_genuine() -> None:
    request = of_vector("twilio-repeated-keys")
    with pytest.raises(NotGenuine):
        verify(request._replace(body=request.body.replace(b"&Body=", b"")))


def test_another_signature_is_not_genuine_and_the_message_has_no_secret() -> None:
    request = of_vector("twilio-form")
    with pytest.raises(NotGenuine, match=r"^X-Twilio-Signature is of another Auth Token, public URL or body$"):
        verify(delivery(request.body, proof("something else")))


@pytest.mark.parametrize("signature", [None, ""])
def test_a_missing_signature_is_not_genuine(signature: str | None) -> None:
    with pytest.raises(NotGenuine, match=r"^no header x-twilio-signature$"):
        verify(delivery(of_vector("twilio-form").body, signature))


def test_another_url_is_not_genuine() -> None:
    request = of_vector("twilio-form")
    with pytest.raises(NotGenuine):
        verify(request._replace(url=URL.replace("berlin", "bremen")))


def test_another_token_is_not_genuine() -> None:
    with pytest.raises(NotGenuine):
        verify(of_vector("twilio-form"), "fw1123456789abcdef0123456789abcd")


def test_no_token_lets_nothing_through() -> None:
    with pytest.raises(NotGenuine):
        PROVIDER.verify(of_vector("twilio-form"), {"auth_token": ()})


def test_while_the_token_is_rotated_both_are_valid() -> None:
    request = of_vector("twilio-form")
    verify(request, "fwnew", TOKEN)
    verify(request, TOKEN, "fwnew")


def test_nothing_is_timed_so_an_old_request_stays_genuine() -> None:
    verify(of_vector("twilio-form")._replace(at=AT + 30 * 86_400_000))


@pytest.mark.parametrize(
    ("signed", "public"),
    [
        ("https://floor.example:443/hooks?a=1", "https://floor.example/hooks?a=1"),
        ("https://floor.example/hooks?a=1", "https://floor.example:443/hooks?a=1"),
        ("https://floor.example/hooks", "https://floor.example:8443/hooks"),
        ("https://floor.example:8443/hooks", "https://floor.example:8443/hooks"),
        ("http://floor.example:80", "http://floor.example"),
    ],
)
def test_the_url_is_signed_with_its_port_or_without(signed: str, public: str) -> None:
    verify(delivery(b"A=1", proof(signed + "A1"), public))


def test_a_port_that_is_neither_the_own_nor_the_default_is_another_url() -> None:
    with pytest.raises(NotGenuine):
        verify(delivery(b"A=1", proof("https://floor.example:8443/hooksA1"), "https://floor.example/hooks"))


def test_the_digest_in_the_url_must_be_that_of_the_body() -> None:
    request = of_vector("twilio-json")
    with pytest.raises(NotGenuine, match=r"^bodySHA256 is not the digest of the body$"):
        verify(request._replace(body=b"[]"))


def test_a_digest_that_was_not_signed_is_not_genuine() -> None:
    url = "https://floor.example/hooks?bodySHA256=" + hashlib.sha256(b"[]").hexdigest()
    with pytest.raises(NotGenuine, match=r"^X-Twilio-Signature is of another"):
        verify(delivery(b"[]", proof("https://floor.example/hooks"), url))


@pytest.mark.parametrize("body", [b"A=\xff", b"A=%ff"])
def test_what_is_not_utf_8_is_not_genuine(body: bytes) -> None:
    with pytest.raises(NotGenuine, match=r"^the body is no form in UTF-8$"):
        verify(delivery(body, proof(URL + "A\ufffd")))


def test_there_is_no_handshake() -> None:
    request = of_vector("twilio-form")
    assert PROVIDER.greet(request, {"auth_token": (TOKEN,)}) is None
    assert PROVIDER.greet(request._replace(method="GET", body=b""), {"auth_token": (TOKEN,)}) is None


def test_failed_answers_are_not_sent_again() -> None:
    assert (PROVIDER.tries_again, PROVIDER.secret_names, PROVIDER.content_type) == (
        False,
        ("auth_token",),
        b"application/x-www-form-urlencoded",
    )


def test_of_a_repeated_field_the_first_value_counts_and_a_blank_one_is_missing() -> None:
    form = Form(b"A=1&A=2&B=")
    assert (form.get("A"), form.get("B"), form.raw("B"), form.raw("C"), "B" in form) == ("1", None, "", None, True)


@pytest.mark.parametrize("value", ["-1", "1.5", "x", "\u0661", "1234567890123456"])
def test_a_number_is_whole_and_not_endless(value: str) -> None:
    with pytest.raises(Malformed, match=r"^field N is .*: a whole number is expected$"):
        Form(f"N={value}".encode()).number("N")


def test_a_body_of_many_fields_is_no_form() -> None:
    with pytest.raises(Malformed, match=r"^no form in UTF-8: "):
        Form(b"&".join([b"a=1"] * 10_001))
