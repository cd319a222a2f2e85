//! What is escaped, and which values are hidden.

use super::*;

proptest::proptest! {
    #[test]
    fn whatever_is_sent_stays_on_its_line_and_in_its_quotes(text: Vec<u8>, query: String) {
        let plain = |text: &str| text.bytes().all(|byte| is_plain(byte) || byte == b'\\');
        proptest::prop_assert!(plain(&escaped(&text)));
        proptest::prop_assert!(plain(&redacted(&query)));
    }
}

fn escaped(text: &[u8]) -> String {
    let mut out = String::new();
    escape(&mut out, text).unwrap();
    out
}

fn redacted(query: &str) -> String {
    let mut out = String::new();
    redact_query(&mut out, query).unwrap();
    out
}

#[test]
fn client_text_is_escaped_as_nginx_does() {
    assert_eq!(escaped(b"/plain path?x=%20~"), "/plain path?x=%20~");
    assert_eq!(escaped(b"a\"b\\c\r\n\x1b[31m\x7f"), "a\\x22b\\x5Cc\\x0D\\x0A\\x1B[31m\\x7F");
    assert_eq!(escaped("é".as_bytes()), "\\xC3\\xA9");
    assert_eq!(escaped(b"\xff"), "\\xFF");
    assert_eq!(escaped(b""), "");
}

#[test]
fn secrets_in_a_query_are_redacted() {
    for name in [
        "access_token",
        "Access_Token",
        "refresh_token",
        "id_token",
        "token",
        "code",
        "state",
        "password",
        "client_secret",
        "client_assertion",
        "api_key",
        "X-API-Key",
        "%61ccess_token",
        "access%5Ftoken",
        "tokens[]",
        "%20code",
        "+code",
        "CODE_VERIFIER",
        "pass",
        "PASS",
        "user_pass",
        "userPass",
        "db-pass",
        "passphrase",
        "p%61ssphrase",
        "otp",
        "otpCode",
        "login%5Botp%5D",
        "pin",
        "new.pin",
        "ticket",
        "assertion",
        "user[password]",
        "login_ticket",
        "loginTicket",
        "loginticket",
        "mypass",
        "MYPASS",
        "pass1",
        "pass_2",
        "userPass2",
        "otp1",
        "smsotp",
        "magic",
        "magic_link",
        "invite",
        "inviteId",
        "cvv",
        "cvv2",
        "card_cvc",
        "code1",
    ] {
        assert_eq!(redacted(&format!("a=1&{name}=hidden&b=2")), format!("a=1&{name}=***&b=2"));
    }
    assert_eq!(redacted("a=1;token=hidden;b=2"), "a=1;token=***;b=2");
    assert_eq!(redacted("token=hidden=hidden"), "token=***");
    assert_eq!(redacted("token="), "token=***");
}

#[test]
fn a_secret_ends_where_it_is_sure_to() {
    for (query, shown) in [
        ("pass=a,b;c?d&x=1", "pass=***&x=1"),
        ("pass=a;b", "pass=***;"),
        ("pass=a;b;pin=1;c;d=e", "pass=***;pin=***;d=e"),
        ("pass=&a&b=c", "pass=***&a&b=c"),
    ] {
        assert_eq!(redacted(query), shown);
    }
}

#[test]
fn an_address_in_a_parameter_loses_its_secrets() {
    for (query, shown) in [
        ("next=/cb?code=hidden&a=1", "next=/cb?code=***&a=1"),
        ("next=%2Fcb%3Fa%3D1%26code%3Dhidden&a=1", "next=***&a=1"),
        ("next=%2Fcb%3Fnext%3D%252Fcb%253Fpin%253Dhidden&a=1", "next=***&a=1"),
        ("next=%2Fcb%3Fpage%3D1&a=1", "next=%2Fcb%3Fpage%3D1&a=1"),
        ("%252Fcb%253Fcode%253Dhidden=1", "%252Fcb%253Fcode%253Dhidden=1"),
        ("/a;pin=hidden/b", "/a;pin=***"),
        ("/cb%3Fcode=hidden", "/cb%3Fcode=***"),
    ] {
        assert_eq!(redacted(query), shown);
    }
}

#[test]
fn an_address_in_a_header_loses_its_secrets() {
    let redacted = |value: &[u8]| {
        let mut out = String::new();
        redact_header(&mut out, value).unwrap();
        out
    };
    assert_eq!(redacted(b"https://a/b?a=1&code=hidden"), "https://a/b?a=1&code=***");
    assert_eq!(redacted(b"/cb#access_token=hidden&b=2"), "/cb#access_token=***&b=2");
    assert_eq!(redacted(b"/cb?a=1#id_token=hidden"), "/cb?a=1#id_token=***");
    assert_eq!(redacted(b"/cb?code=\xff"), "/cb?***");
    assert_eq!(
        redacted(b"</b?ticket=hidden>; rel=next, </c?a=1>"),
        "</b?ticket=***;rel=next, </c?a=1>"
    );
    assert_eq!(redacted(b"5; url=http://a/?otp=hidden"), "5; url=http://a/?otp=***");
    assert_eq!(redacted(b"agent/1 pass=hidden"), "agent/1 pass=***");
    assert_eq!(redacted("é/?a=1".as_bytes()), "\\xC3\\xA9/?a=1");
    assert_eq!(redacted(b"curl/8\n"), "curl/8\\x0A");
}

#[test]
fn the_rest_of_a_query_is_kept() {
    for query in [
        "",
        "a=1&b",
        "page=2&after=x%20y",
        "&&",
        "a==",
        "encode=1",
        "%zz=1",
        "%",
        "passport=1",
        "spin=1",
        "pinned=1",
        "compass=n",
        "Ticketing=1",
        "bypass=1",
        "tickets_sold=1",
        "magical=1",
        "page2=1",
        "zip_code=1",
        "q=100%25",
    ] {
        assert_eq!(redacted(query), query);
    }
    assert_eq!(redacted("a=\"\n"), "a=\\x22\\x0A");
}
