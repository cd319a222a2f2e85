//! Tokens of a FastAPI application (python-jose), and how each is treated.

use crate::domain::{Secret, Timestamp};
use crate::tokens::TokenError;
use crate::tokens::tests::{tokens_at, verdict};

/// The secret that signed those tokens.
const SECRET: &str = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";

type Expected = Result<(&'static str, &'static str), TokenError>;

/// Name, token, and the subject and scopes read from it.
const CASES: &[(&str, &str, Expected)] = &[
    (
        "2parts",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwfQ",
        Err(TokenError::Malformed),
    ),
    (
        "4parts",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwfQ.ocUNIJR9nd2fkH8Dev8yhaAYH8uMh1XhPhfYN6QxJCI.x",
        Err(TokenError::Malformed),
    ),
    (
        "alg_none",
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwfQ.",
        Err(TokenError::Algorithm),
    ),
    (
        "alice",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsInNjb3BlcyI6WyJtZSIsIml0ZW1zIl0sImV4cCI6NDEwMjQ0NDgwMH0.tZ3-fldxjdW-0MBqHrUpsgEM4H3STC9x-EwSwul9Qls",
        Ok(("alice", "me items")),
    ),
    (
        "alice_noscope",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsInNjb3BlcyI6W10sImV4cCI6NDEwMjQ0NDgwMH0.USUK-V8Y0NLzk_sMujUmI7uLvaz5KXaaclvY-Yy7b5U",
        Ok(("alice", "")),
    ),
    (
        "aud",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwLCJhdWQiOiJzb21lYm9keSJ9.yHDIvMVvycziXYoe7mA5jNZvU4uiNhKDKkw8UpuE7n4",
        Err(TokenError::Claim("aud")),
    ),
    (
        "crit",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImNyaXQiOlsieCJdLCJ4IjoxfQ.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwfQ.Kf_zi9aC1SUF_5FW0krmvnW4z6RdStYpU4gUepqBap0",
        Err(TokenError::Critical),
    ),
    (
        "expired",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjoxMDAwMDAwMDAwfQ.N8ZmVAD0nVkjl1Mf-ip08Ouu7Nir-0dMfgl0ASuCbW8",
        Err(TokenError::Expired),
    ),
    (
        "exp_null",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjpudWxsfQ.NZQsA9Qs3jrIqeOvMoAeyyW0Fw2hh4P7w_maJG8BF0o",
        Err(TokenError::Malformed),
    ),
    (
        "exp_numstr",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjoiNDEwMjQ0NDgwMCJ9.SqdP4_xgSYYJQ0hdl4Q3n5cPcekXPLU2Lg1oH3Zi4gI",
        Err(TokenError::Malformed),
    ),
    (
        "exp_str",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjoidG9tb3Jyb3cifQ.bkt5gK3KQO2RT7VPVJo7lRmo4dCm5TjwEVBSHqUd42w",
        Err(TokenError::Malformed),
    ),
    (
        "extra_scopes",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbImFkbWluIiwiaXRlbXMiLCJtZSJdLCJleHAiOjQxMDI0NDQ4MDB9.GMBi60ONd5SvIj2Qee53O1nDeaw04zZTxmorhb51oEo",
        Ok(("johndoe", "admin items me")),
    ),
    (
        "full",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwfQ.ocUNIJR9nd2fkH8Dev8yhaAYH8uMh1XhPhfYN6QxJCI",
        Ok(("johndoe", "me items")),
    ),
    (
        "hs512",
        "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwfQ.UKiy8odTjcrOoF1ZqocSMQp330WoC6Fgn1HrOqgPlp7RUIuSWk1ENpFHtSnoe6aeIMuL97UVvIvT2KCcmAarjQ",
        Err(TokenError::Algorithm),
    ),
    (
        "iat_future",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwLCJpYXQiOjQxMDI0NDQ3OTB9.tlqxJjO2KfMmiWZrC8lRp76TSOnaVJiNI_cI3pCExWQ",
        Ok(("johndoe", "me items")),
    ),
    (
        "iss",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwLCJpc3MiOiJzb21lYm9keSJ9.ltEiTsZCnQBbtUA82oQWp1fm-yHhpDCpRoecFKabPP8",
        Ok(("johndoe", "me items")),
    ),
    (
        "items",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIml0ZW1zIl0sImV4cCI6NDEwMjQ0NDgwMH0.ZyDazfC0tk_33QkJ70mELLirOYP8PEIwRyfKNh-7eWg",
        Ok(("johndoe", "items")),
    ),
    (
        "jti_str",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwLCJqdGkiOiJhYmMifQ.UU8foss0vFNqK0GIV9OKMBEI5TPV1xuIE4iF9OBlIVA",
        Ok(("johndoe", "me items")),
    ),
    (
        "kid",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwfQ._YomD58AFqCv86OIUn45qsHSR4CKsGdlGeIcWoIvJLA",
        Ok(("johndoe", "me items")),
    ),
    (
        "me",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIl0sImV4cCI6NDEwMjQ0NDgwMH0.jzBRCdBROgaW68nBVTGy1UWTej3LR-ynQuwg9ZPMS-I",
        Ok(("johndoe", "me")),
    ),
    (
        "nbf_future",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwLCJuYmYiOjQxMDI0NDQ3OTB9.A4wXeZI_A0iULsDOCqATgHaG-VCaVKSwQUuA-DKIrW8",
        Err(TokenError::NotYetValid),
    ),
    (
        "noscope",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbXSwiZXhwIjo0MTAyNDQ0ODAwfQ.CYzQGM7NLvH-m5euKpixhUMaTLNz_vqv6LzmSAZUEO4",
        Ok(("johndoe", "")),
    ),
    (
        "nosub",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzY29wZXMiOlsibWUiLCJpdGVtcyJdLCJleHAiOjQxMDI0NDQ4MDB9.5Pave3ZxF4y10McKYoJZFhIzJW2JbENK_RAjbtlBcgE",
        Err(TokenError::MissingClaim),
    ),
    (
        "payload_list",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.WzEsMl0.to_y4bx2iRGvxlMYaSsrVYvQm-5nb8G25xT3n9zV9Xk",
        Err(TokenError::Malformed),
    ),
    (
        "scopes_absent",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwiZXhwIjo0MTAyNDQ0ODAwfQ.4sh0Q1TUl-n_pM9DffzrC-WTE2hGuun7_RrAC6Ce1Rg",
        Ok(("johndoe", "")),
    ),
    (
        "scopes_ints",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbMSwyXSwiZXhwIjo0MTAyNDQ0ODAwfQ.N1JfFPgmghyuYVlTy521Fn02od0THg-Q4TsV0KhcjI8",
        Err(TokenError::Malformed),
    ),
    (
        "scopes_string",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjoibWUgaXRlbXMiLCJleHAiOjQxMDI0NDQ4MDB9.hXqr06VjDTDinUA0LOaPRqrnEAkB6gmC2QDrYqJTzdY",
        Err(TokenError::Malformed),
    ),
    (
        "sub_empty",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIiLCJzY29wZXMiOlsibWUiLCJpdGVtcyJdLCJleHAiOjQxMDI0NDQ4MDB9.befHr-Gxxsdl1p-VtjfyGAq2lJz9w4cit08iCMJHaYA",
        Err(TokenError::Claim("sub")),
    ),
    (
        "sub_unknown",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJub2JvZHkiLCJzY29wZXMiOlsibWUiLCJpdGVtcyJdLCJleHAiOjQxMDI0NDQ4MDB9.neQxdu8_8kOGkAihLAmPJxif-VKlg0YqLeQp4ksqnUg",
        Ok(("nobody", "me items")),
    ),
    (
        "tut_nosub",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJkYXRhIjoiZm9vIn0.9ynBhuYb4e6aW3oJr_K_TBgwcMTDpRToQIE25L57rOE",
        Err(TokenError::MissingClaim),
    ),
    (
        "tut_subfoo",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJmb28ifQ.NnExK_dlNAYyzACrXtXDrcWOgGY2JuPbI4eDaHdfK5Y",
        Err(TokenError::MissingClaim),
    ),
    (
        "wrongkey",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqb2huZG9lIiwic2NvcGVzIjpbIm1lIiwiaXRlbXMiXSwiZXhwIjo0MTAyNDQ0ODAwfQ.VI5c45chtIhlMkoH2xqd013WHKaYQNVg4FidY8nKo7o",
        Err(TokenError::Signature),
    ),
];

/// The application's tokens expire in 2100 unless their name says otherwise.
const RECORDED: Timestamp = Timestamp(1_790_000_000);

#[test]
fn a_python_applications_tokens_are_accepted_and_its_bad_ones_refused() {
    let tokens = tokens_at(RECORDED, &Secret::new(SECRET));
    for (name, token, expected) in CASES {
        let expected = expected.map(|(subject, scopes)| (subject.into(), scopes.into()));
        assert_eq!(verdict(&tokens, token), expected, "{name}");
    }
}
