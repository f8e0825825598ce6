//! Rust as tokens: where an item begins and ends, what it declares, whether tests alone have it.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Keywords that declare or import what follows.
const DECLARING: [&str; 10] = ["const", "enum", "fn", "mod", "static", "struct", "trait", "type", "union", "use"];

/// The keyword of an item that declares names or imports them, and what follows it.
pub fn declaration(item: &[TokenTree]) -> Option<(String, &[TokenTree])> {
    let keyword = |token: &TokenTree| DECLARING.iter().any(|word| is_ident(token, word));
    let mut at = item.iter().position(keyword)?;
    // `const fn`
    at += item[at + 1..].iter().take_while(|token| keyword(token)).count();
    Some((item[at].to_string(), &item[at + 1..]))
}

/// What stands beside each other in a module or a body, without attributes, and without what only tests have.
pub fn items(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let (mut items, mut item, mut for_tests) = (Vec::new(), Vec::new(), false);
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if is_punct(&token, '#') {
            tokens.next_if(|token| is_punct(token, '!'));
            for_tests |= tokens.next_if(is_group).is_some_and(|attribute| is_for_tests(&attribute));
            continue;
        }
        let last = is_punct(&token, ';') || is_block(&token);
        item.push(token);
        if last {
            let item = std::mem::take(&mut item);
            if !std::mem::take(&mut for_tests) {
                items.push(item);
            }
        }
    }
    items.push(item);
    items
}

fn is_for_tests(attribute: &TokenTree) -> bool {
    let text: String = attribute.to_string().split_whitespace().collect();
    text == "[test]" || text == "[cfg(test)]" || text.starts_with("[cfg(all(test,")
}

fn is_group(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(_))
}

fn is_block(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

pub fn is_punct(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn is_ident(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}
