"""Submodules: which repository a URL names, and which of them are fetched."""

from __future__ import annotations

import pytest

from dayhand.checkout.external.submodules import resolve

HTTPS, ENTERPRISE = "https://github.com/ada/shop.git", "https://ghes.example.org:8443/ada/shop.git"


@pytest.mark.parametrize(
    ("url", "clone_url", "name"),
    [
        ("https://github.com/bob/lib.git", HTTPS, "bob/lib"),
        ("https://github.com/bob/lib", HTTPS, "bob/lib"),
        ("https://GitHub.com/bob/lib/", HTTPS, "bob/lib"),
        ("https://bob:secret@github.com/bob/lib", HTTPS, "bob/lib"),
        ("git@github.com:bob/lib.git", HTTPS, "bob/lib"),
        ("ssh://git@github.com/bob/lib.git", HTTPS, "bob/lib"),
        ("ssh://git@github.com:22/bob/lib.git", HTTPS, "bob/lib"),
        ("../lib.git", HTTPS, "ada/lib"),
        ("../../bob/lib", HTTPS, "bob/lib"),
        ("https://ghes.example.org:8443/bob/lib", ENTERPRISE, "bob/lib"),
        ("git@ghes.example.org:bob/lib", ENTERPRISE, "bob/lib"),
        ("https://ghes.example.org/bob/lib", ENTERPRISE, ""),
        ("https://gitlab.com/bob/lib.git", HTTPS, ""),
        ("https://github.com.evil.example/bob/lib", HTTPS, ""),
        ("https://evil.example/github.com/bob/lib", HTTPS, ""),
        ("https://github.com@evil.example/bob/lib", HTTPS, ""),
        ("http://169.254.169.254/latest/meta-data", HTTPS, ""),
        ("https://github.com:22/bob/lib", HTTPS, ""),
        ("https://github.com:x/bob/lib", HTTPS, ""),
        ("https://github.com/bob/lib/../../../etc", HTTPS, ""),
        ("https://github.com/bob", HTTPS, ""),
        ("../../../../etc/passwd", HTTPS, "etc/passwd"),
        ("file:///etc", HTTPS, ""),
        ("/etc/passwd", HTTPS, ""),
        ("ext::sh -c touch% /tmp/x", HTTPS, ""),
        ("-u evil", HTTPS, ""),
        ("git@evil.example:bob/lib", HTTPS, ""),
        ("", HTTPS, ""),
        ("../lib.git", "/srv/git/shop.git", ""),
    ],
)
def test_only_a_repository_on_the_same_server_is_named(url: str, clone_url: str, name: str) -> None:
    assert resolve(url, clone_url) == name
