//! As much of HTML as our own page takes: elements by where they begin and end.

use anyhow::{Context, Result};

/// `html` with what `change` returns in place of each element from `begin` to `end`; `None` leaves it. Comments stay.
pub fn replace(
    html: &str,
    begin: &str,
    end: &str,
    mut change: impl FnMut(&str) -> Result<Option<String>>,
) -> Result<String> {
    let mut done = String::new();
    let mut rest = html;
    while let Some(at) = rest.find(begin) {
        let (before, tail) = rest.split_at(at);
        // A comment may talk of elements.
        if let Some((_, comment)) = before.rsplit_once("<!--")
            && !comment.contains("-->")
        {
            let (comment, after) = tail.split_once("-->").context("a comment of index.html has no end")?;
            done.extend([before, comment, "-->"]);
            rest = after;
            continue;
        }
        let length = tail.find(end).with_context(|| format!("index.html has a {begin} without {end}"))? + end.len();
        let (element, after) = tail.split_at(length);
        done.push_str(before);
        done.push_str(&change(element)?.unwrap_or_else(|| element.to_owned()));
        rest = after;
    }
    done.push_str(rest);
    Ok(done)
}

/// The value of an element's attribute.
pub fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = element.split_once(&format!(" {name}=\""))?;
    value.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn elements_are_replaced_and_those_in_comments_stay() {
        let html = "<a x=\"1\">1</a> <!-- <a x=\"2\"> --> <a x=\"3\">3</a>";
        let seen = replace(html, "<a ", "</a>", |tag| Ok(attribute(tag, "x").map(|x| format!("[{x}]")))).unwrap();
        assert_eq!(seen, "[1] <!-- <a x=\"2\"> --> [3]");
        assert!(replace("<a x", "<a ", "</a>", |_| Ok(None)).is_err());
    }

    #[test]
    fn a_missing_attribute_is_none() {
        assert_eq!(attribute("<a href=\"./b\">", "href"), Some("./b"));
        assert_eq!(attribute("<a data-href=\"./b\">", "href"), None);
    }
}
