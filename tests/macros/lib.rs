//! `#[test]` for a program that brings its own harness: the compiler's attribute removes the function there.

use proc_macro::{TokenStream, TokenTree};

/// Keeps the function, which takes and returns nothing, and enters it in `ssd_tests::harness::TESTS` under its path.
#[proc_macro_attribute]
pub fn test(_: TokenStream, function: TokenStream) -> TokenStream {
    let is_fn = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word.to_string() == "fn");
    let name = function.clone().into_iter().skip_while(|token| !is_fn(token)).nth(1);
    let name = name.map_or_else(|| "test".to_owned(), |name| name.to_string());
    let entry = format!(
        "const _: () = {{
            #[::ssd_tests::harness::distributed_slice(::ssd_tests::harness::TESTS)]
            #[linkme(crate = ::ssd_tests::harness::linkme)]
            static TEST: ::ssd_tests::harness::Test =
                ::ssd_tests::harness::Test {{ path: concat!(module_path!(), \"::{name}\"), run: {name} }};
        }};"
    );
    let entry: TokenStream = entry.parse().unwrap_or_default();
    function.into_iter().chain(entry).collect()
}
