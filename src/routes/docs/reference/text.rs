//! Descriptions as HTML: paragraphs, lists, code, bold, links. The rest of Markdown stays as it is written.

use crate::routes::docs::escape;
use std::fmt::Write as _;

/// A description in paragraphs.
pub(super) fn prose(text: &str) -> String {
    let mut html = String::new();
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let lines = || block.lines().map(str::trim);
        if lines().all(|line| line.starts_with("- ") || line.starts_with("* ")) {
            html.push_str("<ul>");
            for line in lines() {
                let _ = write!(html, "<li>{}</li>", inline(&line[2..]));
            }
            html.push_str("</ul>");
        } else {
            let _ = write!(html, "<p>{}</p>", inline(block));
        }
    }
    html
}

/// A text within a line.
pub(super) fn inline(text: &str) -> String {
    let mut html = String::new();
    for (at, part) in text.split('`').enumerate() {
        let part = escape(part);
        if at % 2 == 1 {
            let _ = write!(html, "<code>{part}</code>");
        } else {
            bold(&mut html, &part);
        }
    }
    html
}

fn bold(html: &mut String, text: &str) {
    for (at, part) in text.split("**").enumerate() {
        if at % 2 == 1 {
            let _ = write!(html, "<strong>{part}</strong>");
        } else {
            links(html, part);
        }
    }
}

/// `[text](https://…)`, and no other kind of address.
fn links(html: &mut String, mut text: &str) {
    while let Some((before, label, target, after)) = link(text) {
        let _ = write!(html, "{before}<a href=\"{target}\">{label}</a>");
        text = after;
    }
    html.push_str(text);
}

fn link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (before, rest) = text.split_once('[')?;
    let (label, rest) = rest.split_once("](")?;
    let (target, after) = rest.split_once(')')?;
    let is_address = ["https://", "http://"].iter().any(|start| target.starts_with(start));
    (is_address && !label.contains(['[', ']'])).then_some((before, label, target, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_read_and_never_trusted() {
        for (text, html) in [
            ("One\ntwo.\n\nThree.", "<p>One\ntwo.</p><p>Three.</p>"),
            ("- a\n- `b`", "<ul><li>a</li><li><code>b</code></li></ul>"),
            ("**Log in** `<b>`", "<p><strong>Log in</strong> <code>&lt;b&gt;</code></p>"),
            ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
            ("[a](https://b.example)", "<p><a href=\"https://b.example\">a</a></p>"),
            ("[a](javascript:x)", "<p>[a](javascript:x)</p>"),
            (
                "[a](https://b\" onclick=\"x)",
                "<p><a href=\"https://b&quot; onclick=&quot;x\">a</a></p>",
            ),
        ] {
            assert_eq!(prose(text), html, "{text}");
        }
    }
}
