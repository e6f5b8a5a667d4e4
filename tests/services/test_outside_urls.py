"""Which addresses of others are taken: public by their form, and read alike by every parser."""

import pytest

from services.errors import Invalid
from services.outside_urls import check_picture, check_public_url, is_public_host


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f.1", "017700000001", "0", "169.254.169.254", "100.64.0.1",
        "::1", "::", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "2001:0:7f00:1::", "fc00::1", "fe80::1", "localhost", "LOCALHOST.", "a.localhost", "redis",
        "kubernetes.default.svc", "metadata.google.internal", "router.home.arpa", "①②⑦.0.0.1", "127。0。0。1", "",
        "64:ff9b:1::a00:1", "fec0::1", "5f00::1", "3fff::1", "192.88.99.1", "2002:c058:6301::", "local\u00adhost",
    ],
)  # fmt: skip
def test_what_lies_inside_by_its_form_is_not_public(host: str) -> None:
    assert not is_public_host(host)


@pytest.mark.parametrize(
    "host", ["example.com", "Example.COM.", "93.184.215.14", "2606:2800:21f:cb07::1", "exämple.com"]
)
def test_what_lies_outside_is(host: str) -> None:
    assert is_public_host(host)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/\r\nX: y", "https://exa mple.com/", "https://example.com\\@10.0.0.1/", "https:///x",
        "https://example.com:99999/", "https://user@example.com/", "https://example.com@127.0.0.1/", "ftp://example.com",
        "https://127.0.0.1#@example.com/", "https://[::ffff:7f00:1]/", "https://[::1", "//example.com/x", "example.com",
    ],
)  # fmt: skip
def test_an_address_that_parsers_could_differ_about_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_public_url(url, ("https", "http"), "photo")
    assert refused.value.details[0].field == "photo"


@pytest.mark.parametrize("url", ["/media/avatars/a.webp", "https://example.com/a.webp", None])
def test_a_picture_is_a_path_of_ours_or_somewhere_public(url: str | None) -> None:
    check_picture({"photo": url}, "photo")
    check_picture({}, "photo")


@pytest.mark.parametrize("url", ["//example.com/a", "/\\example.com/a", "https://10.0.0.1/a", "a.webp"])
def test_a_picture_leads_nowhere_else(url: str) -> None:
    with pytest.raises(Invalid):
        check_picture({"photo": url}, "photo")
