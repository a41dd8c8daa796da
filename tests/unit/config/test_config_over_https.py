"""What a person writes wrongly about HTTPS, and what is said to it."""

from __future__ import annotations

import pytest

from causeway.config import InvalidConfiguration, parse

HEAD = """
data_dir = "data"
[[listener]]
ae_title = "A"
port = 11112
[[source]]
name = "s"
ae_title = "*"
addresses = ["127.0.0.1"]
"""
STOW = HEAD + '[[destination]]\ntype = "stow"\nname = "d"\ndeidentify = "none"\n'
CORE = HEAD + '[[destination]]\ntype = "core"\nname = "d"\ndeidentify = "none"\n'
TRIGGER = HEAD + '[[trigger]]\nname = "t"\n'
OAUTH = '[destination.oauth]\ntoken_url = "https://i/t"\nclient_id = "c"\n'
URL = 'url = "https://x.example/dicom-web"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (STOW, "url"),
        (STOW + 'url = "pacs.example"\n', "no address of HTTP"),
        (STOW + 'url = "http://pacs.example/dicom-web"\n', "without TLS"),
        (STOW + 'url = "https://me:secret@pacs.example/"\n', "credentials in its address"),
        (STOW + 'url = "https://pacs.example:99999/"\n', "port that is none"),
        (STOW + 'url = "https://pacs.example/?a=b"\n', "more than an address"),
        (STOW + URL + 'username = "u"\n', "both belong together"),
        (STOW + URL + 'username = "u"\npassword = "geheim"\n', "refer to a secret"),
        (STOW + URL + 'token = "env:A"\nusername = "u"\npassword = "env:B"\n', "several kinds"),
        (STOW + URL + "ca_only = true\n", "nobody would be trusted"),
        (STOW + URL + 'key = "k.pem"\n', "without `certificate`"),
        (STOW + URL + 'preset = "healthimaging"\n', "signed requests"),
        (STOW + URL + 'preset = "gogle"\n', "google"),
        (STOW + URL + OAUTH, "`secret`"),
        (
            STOW + URL + OAUTH + 'secret = "env:A"\ngrant = "jwt_bearer"\n',
            "signed",
        ),
        (STOW + URL + '[destination.proxy]\nurl = "proxy:3128"\n', "no address of a proxy"),
        (STOW + URL + '[destination.aws]\nregion = "r"\naccess_key = "env:A"\n', "half of a key"),
        (CORE + URL, "one kind of credentials"),
        (
            CORE + URL + 'api_key = "env:A"\n[destination.device]\nsecret = "env:B"\nname = "n"\n',
            "one kind of credentials",
        ),
        (TRIGGER, "either `url` or `command`"),
        (TRIGGER + URL, "forgery"),
        (TRIGGER + 'command = ["program"]\n', "no full path"),
        (TRIGGER + 'command = "/bin/x"\n', "command"),
        (TRIGGER + 'command = ["/x"]\n[[trigger]]\nname = "T"\ncommand = ["/x"]\n', "taken"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        parse(text, look=False)
    said = str(caught.value)
    assert words in said
    assert "geheim" not in said


@pytest.mark.parametrize("url", ["http://127.0.0.1:8042/x", "http://[::1]/x", "http://localhost/x"])
def test_this_machine_may_be_called_without_tls(url: str) -> None:
    loaded = parse(STOW + f'url = "{url}"\n', look=False)
    assert loaded.configuration.destination("d").name == "d"


def test_what_is_probably_not_meant_is_a_warning() -> None:
    text = CORE + URL + 'api_key = "env:A"\nverify = "answer"\n[[route]]\ndestinations = ["d"]\n'
    said = [warning.what for warning in parse(text, look=False).warnings]
    assert any("without being looked at" in each for each in said)
    assert any("file of their own" in each for each in said)
    quiet = text.replace('verify = "answer"\n', "").replace(
        "[[route]]", '[[route]]\nlate = "again"'
    )
    said = [warning.what for warning in parse(quiet, look=False).warnings]
    assert not any("looked at" in each or "of their own" in each for each in said)
