"""What every room stands on: names, addresses of clients, limits, secrets at rest, ids."""

import base64
import stat
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from belvedere import keyring
from belvedere.control.core import clock, ids, limits, vault
from belvedere.control.core.errors import Invalid, RateLimited
from belvedere.control.core.names import clean_email, clean_name, mask_email
from belvedere.control.core.requests import client_address

# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "x" * 81,
        "two\nlines",
        "Subject\r\nBcc: all@example.org",
        "nul\0",
        "turned \u202e round",
        "isolated \u2066 text",
        "zero\u200bwidth",
        "soft\u00adhyphen",
        "line\u2028end",
        "\ud800",
        "private \ue000",
        "\ufeffbom",
        "tag \U000e0041",
    ],
)
def test_names_play_no_tricks(text: str) -> None:
    """N32: no line ends, nothing invisible, nothing that turns the reading round."""
    with pytest.raises(Invalid):
        clean_name(text)


@pytest.mark.parametrize("text", ["Ana", "Zoë", "李小龙", "محمد", "O’Neill", "=cmd()", "<script>", "x" * 80, "👩 Ana"])
def test_names_of_people_are_names(text: str) -> None:
    """N32: what templates and mails escape is no reason to refuse somebody's name."""
    assert clean_name(f"  {text} ") == text


@given(st.text(max_size=100))
def test_a_clean_name_stays_as_it_is(text: str) -> None:
    try:
        once = clean_name(text)
    except Invalid:
        return
    assert clean_name(once) == once
    assert once.isprintable()


@given(st.text(max_size=60))
def test_a_clean_address_is_one_line_of_ascii(text: str) -> None:
    """N1, N32: whatever was typed, what comes out compares byte for byte and fits into a mail's head."""
    try:
        once = clean_email(text)
    except Invalid:
        return
    assert once.isascii()
    assert once == once.lower()
    assert not set(once) & set(' \r\n\t<>,;"()')
    assert clean_email(once) == once


def test_blanks_are_one_kind() -> None:
    assert clean_name("Ana \u00a0\u3000 Mar\u1680ín") == "Ana Mar ín"


def test_addresses_have_one_form() -> None:
    assert clean_email(" Rita@Example.ORG ") == "rita@example.org"
    assert clean_email("rita@bücher.example") == "rita@xn--bcher-kva.example"


@given(st.from_regex(r"[a-z]{1,30}@[a-z]{1,30}\.(org|com)", fullmatch=True))
def test_a_hint_tells_no_length(email: str) -> None:
    """VA-3: a first letter here and there, of fixed width."""
    assert len(mask_email(email)) == len("o•••@e•••.org")
    assert mask_email(email)[0] == email[0]


# ── Where a request comes from ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        ("", "192.0.2.1", "", "192.0.2.1"),
        ("", "192.0.2.1", "10.0.0.1", "192.0.2.1"),
        ("127.0.0.1/32", "192.0.2.1", "10.0.0.1", "192.0.2.1"),
        ("127.0.0.1/32", "127.0.0.1", "203.0.113.9", "203.0.113.9"),
        # What the client wrote himself stands further left, and is not believed.
        ("127.0.0.1/32", "127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.0/8,10.0.0.0/8", "127.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("127.0.0.1/32", "127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1/32", "127.0.0.1", " , ,", "127.0.0.1"),
        ("::1/128", "::1", "2001:db8::7", "2001:db8::7"),
    ],
)
def test_only_a_trusted_proxy_says_where_somebody_is(
    settings: Any, trusted: str, peer: str, forwarded: str, expected: str
) -> None:
    """N39: a forged X-Forwarded-For moves nobody past a limit, and stands in no audit."""
    settings.BELVEDERE = replace(settings.BELVEDERE, trusted_proxies=trusted)
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)) == expected


# ── Limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("transactional_db")
def test_a_limit_counts_and_says_when_it_is_over() -> None:
    cache.clear()
    for _ in range(3):
        limits.hit("test", "one", limit=3, per_s=3600)
    with pytest.raises(RateLimited) as refused:
        limits.hit("test", "one", limit=3, per_s=3600)
    assert 0 < refused.value.retry_after <= 3600
    limits.hit("test", "another", limit=3, per_s=3600)
    limits.hit("other", "one", limit=3, per_s=3600)
    limits.forgive("test", "one", per_s=3600)
    limits.forgive("test", "one", per_s=3600)
    limits.hit("test", "one", limit=3, per_s=3600)


@pytest.mark.usefixtures("transactional_db")
def test_forgiving_what_never_was_is_harmless() -> None:
    cache.clear()
    limits.forgive("test", "nobody", per_s=60)
    limits.hit("test", "nobody", limit=1, per_s=60)
    with pytest.raises(RateLimited):
        limits.hit("test", "nobody", limit=1, per_s=60)


# ── Secrets at rest ──────────────────────────────────────────────────────────────────────────────────────────────────

PLACE = {"table": "device", "row": "1", "field": "source"}


def test_sealing_twice_looks_different() -> None:
    first, second = vault.seal("secret", **PLACE), vault.seal("secret", **PLACE)
    assert first != second
    assert vault.unseal(first, **PLACE) == vault.unseal(second, **PLACE) == "secret"


@pytest.mark.parametrize("other", [{"table": "other"}, {"row": "2"}, {"field": "other"}], ids=str)
def test_a_sealed_value_opens_in_its_own_place_alone(other: dict[str, str]) -> None:
    with pytest.raises(vault.SealBroken):
        vault.unseal(vault.seal("secret", **PLACE), **(PLACE | other))


def test_another_key_opens_nothing(settings: Any, tmp_path: Path) -> None:
    """A backup without its key file is worth nothing."""
    sealed = vault.seal("secret", **PLACE)
    other = tmp_path / "other.key"
    keyring.ensure_key(other)
    settings.BELVEDERE = replace(settings.BELVEDERE, key_file=other)
    with pytest.raises(vault.SealBroken):
        vault.unseal(sealed, **PLACE)


@pytest.mark.parametrize("damage", ["", "k1.", "k2.AAAA", "k1.AAAA", "k1.!!!!", "nothing", "k1.Zm9v"])
def test_what_is_damaged_says_so(damage: str) -> None:
    with pytest.raises(vault.SealBroken):
        vault.unseal(damage, **PLACE)


def test_each_flipped_bit_is_noticed() -> None:
    key_id, _dot, body = vault.seal("secret", **PLACE).partition(".")
    raw = base64.urlsafe_b64decode(body)
    for place in range(len(raw)):
        flipped = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(vault.SealBroken):
            vault.unseal(f"{key_id}.{base64.urlsafe_b64encode(flipped).decode()}", **PLACE)


def test_the_master_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    keyring.ensure_key(path)
    first = path.read_bytes()
    keyring.ensure_key(path)
    assert path.read_bytes() == first
    assert len(first) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert vault.derive_from(path, "one") != vault.derive_from(path, "another")


# ── Ids and clock ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ids_sort_by_time_and_are_never_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for moment in range(50):
        monkeypatch.setattr(
            "belvedere.contracts.ids.time.time_ns", lambda moment=moment: (1_800_000_000_000 + moment) * 10**6
        )
        made += [ids.new_id() for _ in range(20)]
    assert len(set(made)) == len(made)
    assert [made[place : place + 20] for place in range(0, 1000, 20)] == sorted(
        made[place : place + 20] for place in range(0, 1000, 20)
    )
    assert all(map(ids.is_id, made))


@given(st.text(max_size=40))
def test_only_ids_are_ids(text: str) -> None:
    assert ids.is_id(text) == (len(text) == 26 and set(text) <= set("0123456789abcdefghjkmnpqrstvwxyz"))


def test_the_clock_can_be_moved_in_tests_alone() -> None:
    real = clock.now()
    with clock.moved_by(timedelta(days=2)):
        assert clock.now() - real > timedelta(days=1)
        with clock.frozen_at(real):
            assert clock.now() == real
    assert clock.now() - real < timedelta(hours=1)
    assert clock.now().utcoffset() == timedelta(0)


@pytest.mark.usefixtures("transactional_db")
def test_a_limit_counts_those_that_come_at_once() -> None:
    """N1, N40: thirty guesses in parallel are thirty guesses, with either cache."""
    allowed = []
    start = threading.Barrier(10)

    def guess() -> None:
        start.wait()
        try:
            for _ in range(3):
                limits.hit("test", "parallel", limit=5, per_s=3600)
                allowed.append(1)
        except RateLimited:
            return
        finally:
            connection.close()

    threads = [threading.Thread(target=guess) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(allowed) == 5


@pytest.mark.usefixtures("transactional_db")
def test_counting_does_not_shorten_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of a day still holds an hour later: counting must not give the window Django's five minutes."""
    for _ in range(2):
        limits.hit("test", "day", limit=2, per_s=86400)
    window = int(time.time()) // 86400
    real_now, real_time = timezone.now, time.time
    monkeypatch.setattr("django.core.cache.backends.db.tz_now", lambda: real_now() + timedelta(hours=1))
    monkeypatch.setattr("django.core.cache.backends.locmem.time.time", lambda: real_time() + 3600)
    assert cache.get(f"limit:test:day:{window}") == 2
