"""Addresses of the network, links that say more than a place, tokens and keys are found in free text."""

import pytest

from gateway.scrub.online import online
from gateway.scrub.spans import Kind, settled

PEM = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmVk"


@pytest.mark.parametrize(
    ("text", "part", "kind"),
    [
        ("to <zoe.o'brien+shop@mail.example.co.uk>.", "zoe.o'brien+shop@mail.example.co.uk", Kind.EMAIL),
        ("zoë@müller.example", "zoë@müller.example", Kind.EMAIL),
        ("zoe%40example.com", "zoe%40example.com", Kind.EMAIL),
        ("write to zoe [at] mail.example today", "zoe [at] mail.example", Kind.EMAIL),
        ("zoe(AT)mail.example", "zoe(AT)mail.example", Kind.EMAIL),
        ("zoe [at] mail [dot] example now", "zoe [at] mail [dot] example", Kind.EMAIL),
        ("zoe(at)mail(dot)com", "zoe(at)mail(dot)com", Kind.EMAIL),
        ("zoe {at} shop {dot} de", "zoe {at} shop {dot} de", Kind.EMAIL),
        ("zoe@shop dot com", "zoe@shop dot com", Kind.EMAIL),
        ("ask zoe_7 at shop dot com.", "zoe_7 at shop dot com", Kind.EMAIL),
        ("ZOE AT SHOP DOT CO DOT UK", "ZOE AT SHOP DOT CO DOT UK", Kind.EMAIL),
        ("zoe dot lee at mail dot shop dot com", "zoe dot lee at mail dot shop dot com", Kind.EMAIL),
        ("zoe arroba correo punto es", "zoe arroba correo punto es", Kind.EMAIL),
        ("pypi-AgEIcHlwaS5vcmcabcd", "pypi-AgEIcHlwaS5vcmcabcd", Kind.KEY),
        ("dckr_pat_abcdefghijklmnopqrst", "dckr_pat_abcdefghijklmnopqrst", Kind.KEY),
        ("sq0atp-abcdefghijklmnopqrstuv", "sq0atp-abcdefghijklmnopqrstuv", Kind.KEY),
        ("zoe@[203.0.113.7]", "zoe@[203.0.113.7]", Kind.EMAIL),
        ('"zoe m"@example.com wrote', '"zoe m"@example.com', Kind.EMAIL),
        ("from 203.0.113.7:443", "203.0.113.7", Kind.IP),
        ("section 203.0.113.7", "203.0.113.7", Kind.IP),
        ("see section 4.2.1.7 from 10.2.3.4", "10.2.3.4", Kind.IP),
        ("section 4: 10.2.3.4", "10.2.3.4", Kind.IP),
        ("1.1.1.1 Cloudflare", "1.1.1.1", Kind.IP),
        ("server 10.0.0.1", "10.0.0.1", Kind.IP),
        ("dev10.0.0.1", "10.0.0.1", Kind.IP),
        ("subversion 10.0.0.1", "10.0.0.1", Kind.IP),
        ("peer 2001:db8::7, closed", "2001:db8::7", Kind.IP),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.7", Kind.IP),
        ("(see https://shop.example/s?q=rosacea).", "https://shop.example/s?q=rosacea", Kind.URL),
        ("https://a.example/s?q=quelqu'un.", "https://a.example/s?q=quelqu'un", Kind.URL),
        ("open 'https://a.example/s?q=x', now", "https://a.example/s?q=x", Kind.URL),
        ("GET /s?q=rosacea failed", "/s?q=rosacea", Kind.URL),
        ("open //cdn.example/x?u=88", "//cdn.example/x?u=88", Kind.URL),
        ("Referer shop.example/p?id=88.", "shop.example/p?id=88", Kind.URL),
        ("shop.example:8443?customer=88", "shop.example:8443?customer=88", Kind.URL),
        ("postgres://anna:x@db.internal/shop", "postgres://anna:x@db.internal/shop", Kind.URL),
        (f"session {JWT} ended", JWT, Kind.JWT),
        ("key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE", Kind.KEY),
        ("密钥sk_live_51Jx0000000000", "sk_live_51Jx0000000000", Kind.KEY),
        ("{'password': 'hunter22'}", "hunter22", Kind.KEY),
        ("Passwort: geheim123, danke", "geheim123", Kind.KEY),
        ("mon mot de passe : azerty99.", "azerty99.", Kind.KEY),
        ("contraseña=olé7x", "olé7x", Kind.KEY),
        ("minha senha: gato2024", "gato2024", Kind.KEY),
        ("我的密码:abc12345谢谢", "abc12345", Kind.KEY),
        ("パスワード: neko2024です", "neko2024", Kind.KEY),
        ("비밀번호=qwer1234", "qwer1234", Kind.KEY),
        ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop", Kind.KEY),
        (f"key {PEM}", PEM, Kind.KEY),
    ],
)
def test_what_leads_to_somebody_is_found(text: str, part: str, kind: Kind) -> None:
    [span] = settled(online(text))

    assert (text[span.start : span.end], span.kind) == (part, kind)


@pytest.mark.parametrize(
    "text",
    [
        "shop@1.2.3",
        "a@b",
        "meet me at the dot com conference",
        "rv:1.9.3.20",
        "stops at a dot",
        "we arrived at 5 dot 30",
        "meet at cafe.com",
        "[at] shop [dot] com",
        "f(at) is a dot product",
        "08:41:07",
        "std::string",
        "1.2.3",
        "https://shop.example/help",
        "/v1/charges",
        "eyJ",
        "token expired",
        "shop.example/help",
        "Did you see it.Why?",
        "app.py:120",
        '""@ "x',
        "999.1.1.1",
        "as section 4.2.1.7 has it",
        "Section 4.2.1.7, 4.2.1.8 and 4.2.1.10 apply",
        "§ 4.2.1.7",
        "(cf. Clause no. 12.3.4.5)",
        "firmware v1.0.12.3 is out",
        "v2.10.0.1",
        "Abschnitt 4.2.1.7 bis 4.2.1.9",
        "第4.2.1.7条",
        "密码:忘记了怎么办",
        "パスワードを忘れました",
        "Passwort vergessen",
        "desenha: flores",
    ],
)
def test_what_leads_to_nobody_is_let_be(text: str) -> None:
    assert list(online(text)) == []
