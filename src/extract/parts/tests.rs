//! What is read and what is refused, whole and in pieces.

use super::*;
use proptest::prelude::*;

/// Names and texts, `None` for a file; or the refusal's detail.
type Fields = Result<Vec<(String, Option<String>)>, &'static str>;

const KIND: &[u8] = b"multipart/form-data; boundary=X";

fn parsed(kind: &[u8], body: &[u8]) -> Fields {
    in_pieces(kind, body, body.len())
}

/// The same, in pieces of so many bytes.
fn in_pieces(kind: &[u8], body: &[u8], size: usize) -> Fields {
    match read(kind, body, size) {
        Ok(fields) => Ok(fields),
        Err(ApiError::BadRequest(detail)) => Err(detail),
        Err(other) => panic!("{other:?}"),
    }
}

fn read(kind: &[u8], body: &[u8], size: usize) -> Result<Vec<(String, Option<String>)>, ApiError> {
    let mut splitter = Splitter::new(kind)?;
    let (mut fields, mut open, mut buffer) = (Vec::new(), None, Vec::new());
    for piece in body.chunks(size.max(1)) {
        buffer.extend_from_slice(piece);
        let mut rest = buffer.as_slice();
        while let Some(event) = splitter.next(&mut rest)? {
            match event {
                Event::Part(part) => open = Some((part, Vec::new())),
                Event::Data(data) => open.as_mut().unwrap().1.extend_from_slice(data),
                Event::End => {
                    let (part, data) = open.take().unwrap();
                    fields.push((part.name, part.filename.is_none().then(|| text(&data))));
                }
            }
        }
        buffer = rest.to_vec();
    }
    Ok(fields)
}

fn one(head: &str, data: &str) -> Fields {
    parsed(KIND, format!("--X\r\n{head}\r\n\r\n{data}\r\n--X--\r\n").as_bytes())
}

fn is_text(found: &Fields, value: &str) -> bool {
    found == &Ok(vec![("a".to_owned(), Some(value.to_owned()))])
}

#[test]
fn names_are_read_as_they_are_written() {
    for head in [
        "Content-Disposition: form-data; name=\"a\"",
        "content-disposition:form-data;name=a",
        "CONTENT-DISPOSITION:   FORM-DATA;  NAME = \"a\" ",
        "Content-Disposition: attachment; name=\"a\"",
        "X: y\r\nContent-Disposition: form-data; x=\"; name=b\"; name=a\r\nContent-Type: text/plain",
        "Content-Disposition: form-data; name=b\r\nContent-Disposition: form-data; name=a",
        "Content-Disposition: form-data; name=b; name=a; name*=utf-8''c",
        "Content-Disposition: form-data; name=a; filename*=utf-8''f",
    ] {
        assert!(is_text(&one(head, "1"), "1"), "{head}");
    }
    let escaped = one(r#"Content-Disposition: form-data; name="a\"\\b""#, "1");
    assert_eq!(escaped.unwrap()[0].0, r#"a"\b"#);
    for head in [
        "X: y",
        "Content-Disposition: form-data",
        "Content-Disposition: form-data;\nname=a",
        "Content-Disposition: form-data; name*=a",
    ] {
        let detail = "The Content-Disposition header field \"name\" must be provided.";
        assert_eq!(one(head, "1"), Err(detail), "{head}");
    }
    for name in ["filename=\"\"", "filename=f", "FileName=f"] {
        let head = format!("Content-Disposition: form-data; name=a; {name}");
        assert_eq!(one(&head, "1"), Ok(vec![("a".to_owned(), None)]), "{head}");
    }
}

#[test]
fn data_is_taken_as_it_is() {
    let head = "Content-Disposition: form-data; name=a";
    for data in
        ["", "1", "\r\n", "a\r\nb", "--X", "\r\n--Y", "\r\n--Xa", "\r\n--X-a", "한", "\r\n--X\ra"]
    {
        assert!(is_text(&one(head, data), data), "{data:?}");
    }
    let latin = b"--X\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--X--";
    assert!(is_text(&parsed(KIND, latin), "ÿ"));
}

#[test]
fn a_body_that_ends_early_has_only_whole_parts() {
    let whole = "\r\n--X\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--X \r\n\
                 Content-Disposition: form-data; name=b\r\n\r\n2\r\n--X--";
    let count = |end: usize| parsed(KIND, &whole.as_bytes()[..end]).unwrap().len();
    assert_eq!(count(whole.len()), 2);
    let second = whole.find("--X \r\n").unwrap() + "--X \r\n".len();
    for end in 0..whole.len() {
        assert_eq!(count(end), usize::from(end >= second), "{:?}", &whole[..end]);
    }
}

#[test]
fn anything_but_multipart_is_refused() {
    let invalid = Err("Invalid multipart data.");
    let head = "--X\r\nContent-Disposition: form-data; name=a";
    for body in [
        "junk".to_owned(),
        format!("preamble\r\n{head}\r\n\r\n1\r\n--X--"),
        head.replace("\r\n", "\n"),
        format!("{head}\n\n1\n\r--X--"),
        "--Xy\r\n".to_owned(),
        "--X\r\nno colon\r\n\r\n1\r\n--X--".to_owned(),
        "--X\r\n: a\r\n\r\n1\r\n--X--".to_owned(),
        format!("{head}\r\n\r\n1\r\n--X a"),
        format!("{head}{}\r\n\r\n1\r\n--X--", "\r\nX: y".repeat(MOST_HEADERS)),
        format!("--X\r\nX: {}\r\n\r\n", "y".repeat(LONGEST_HEADER)),
    ] {
        assert_eq!(parsed(KIND, body.as_bytes()), invalid, "{body:.200}");
    }
    assert_eq!(parsed(b"multipart/form-data", b""), Err("Missing boundary in multipart."));
    let long = format!("multipart/form-data; boundary={}", "b".repeat(257));
    assert_eq!(parsed(long.as_bytes(), b""), invalid);
    for kind in ["Multipart/Form-Data; Boundary=X", "multipart/form-data;a=b; boundary=\"X\""] {
        assert_eq!(parsed(kind.as_bytes(), b"--X--"), Ok(vec![]), "{kind}");
    }
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused(kind: Vec<u8>, body in "(--X|\r\n|[-:;=\"a\\\\ ]|Content-Disposition: form-data; name=a){0,30}") {
        let whole = parsed(KIND, body.as_bytes());
        for size in [1, 2, 3, 7] {
            prop_assert_eq!(&in_pieces(KIND, body.as_bytes(), size), &whole, "pieces of {}", size);
        }
        parsed(&[b"multipart/form-data;", kind.as_slice()].concat(), body.as_bytes()).ok();
        parsed(KIND, &[b"--X\r\n", kind.as_slice()].concat()).ok();
    }

    #[test]
    fn written_fields_are_read_back(fields in proptest::collection::vec(("[a-z]{1,8}", "[^\r]{0,20}"), 0..6)) {
        let parts = fields.iter().map(|(name, value)| {
            format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        });
        let body: Vec<_> = parts.collect();
        let expected = fields.into_iter().map(|(name, value)| (name, Some(value))).collect();
        prop_assert_eq!(parsed(KIND, (body.concat() + "--X--").as_bytes()), Ok(expected));
    }
}

#[test]
fn a_part_ends_at_a_boundary_whatever_length_it_claims() {
    for length in ["0", "1", "99", "-1", "x"] {
        let head = format!(
            "Content-Length: {length}\r\nContent-Disposition: form-data; name=a\r\nContent-Length: 2"
        );
        assert!(is_text(&one(&head, "12345"), "12345"), "{length}");
    }
}

#[test]
fn a_line_without_end_is_not_kept() {
    let invalid = Err("Invalid multipart data.");
    for endless in
        ["--X\r\nX", "--X\r\nX: y", "--X\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--X "]
    {
        let last = endless.chars().last().unwrap().to_string();
        let body = format!("{endless}{}", last.repeat(LONGEST_HEADER + 100));
        assert_eq!(in_pieces(KIND, body.as_bytes(), 50), invalid, "{endless:?}");
    }
}
