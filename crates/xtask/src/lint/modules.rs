//! The modules of a crate and what each imports, read from the source.
//!
//! A path is followed through `use`, glob imports and re-exports to the module that declares its end: that module is
//! imported, and each that re-exports on the way. Paths in code count like those after `use`. What is compiled for
//! tests alone is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use proc_macro2::{TokenStream, TokenTree};

use super::tokens::{declaration, is_punct, items};
use crate::workspace;

/// A path of identifiers; of a module, from the crate's root, which is empty.
pub type Names = Vec<String>;

/// Which modules of a crate import which: (importer, imported).
pub type Imports = BTreeSet<(Names, Names)>;

/// Those of every crate, by its name.
pub fn imports() -> Result<Vec<(String, Imports)>> {
    let roots = workspace::crate_roots()?.into_iter();
    roots.map(|(name, root)| Ok((name, Modules::read(&root)?.imports()))).collect()
}

/// The modules of a crate.
#[derive(Default)]
struct Modules(BTreeMap<Names, Module>);

/// What a module says.
#[derive(Default)]
struct Module {
    /// Names that it declares, modules among them.
    declared: BTreeSet<String>,
    /// Names that it imports, and the path that each stands for.
    imported: BTreeMap<String, Names>,
    /// Paths of which it imports every name.
    globs: Vec<Names>,
    /// Every path that it mentions.
    mentioned: BTreeSet<Names>,
}

impl Modules {
    /// Reads a crate from its root file.
    fn read(root: &Path) -> Result<Self> {
        let mut modules = Self::default();
        modules.read_file(root, root.parent().unwrap_or(root), Vec::new())?;
        Ok(modules)
    }

    fn imports(&self) -> Imports {
        let mut imports = BTreeSet::new();
        for (at, module) in &self.0 {
            let mut met = BTreeSet::new();
            module.mentioned.iter().for_each(|path| drop(self.follow(at, path, &mut met, 0)));
            imports.extend(met.into_iter().filter(|to| to != at).map(|to| (at.clone(), to)));
        }
        imports
    }

    /// A file is a module; those below it lie in `below`.
    fn read_file(&mut self, file: &Path, below: &Path, at: Names) -> Result<()> {
        let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let tokens = text.parse().map_err(|error| anyhow!("{}: {error}", file.display()))?;
        self.read_module(tokens, below, at)
    }

    fn read_module(&mut self, tokens: TokenStream, below: &Path, at: Names) -> Result<()> {
        let mut module = Module::default();
        for item in items(tokens) {
            match declaration(&item) {
                Some((keyword, rest)) if keyword == "use" => module.import(rest, &[]),
                Some((keyword, [TokenTree::Ident(name), ..])) => {
                    module.declared.insert(name.to_string());
                    if keyword == "mod" {
                        self.read_child(item.last(), below, [&at[..], &[name.to_string()]].concat())?;
                    } else {
                        module.mention(&item);
                    }
                }
                _ => module.mention(&item),
            }
        }
        self.0.insert(at, module);
        Ok(())
    }

    /// A module that stands in braces, or in a file of its own.
    fn read_child(&mut self, last: Option<&TokenTree>, below: &Path, at: Names) -> Result<()> {
        let own = below.join(at.last().map_or("", String::as_str));
        if let Some(TokenTree::Group(body)) = last {
            return self.read_module(body.stream(), &own, at);
        }
        let files = [own.with_extension("rs"), own.join("mod.rs")];
        let file = files.iter().find(|file| file.is_file()).with_context(|| format!("{} is missing", own.display()))?;
        self.read_file(file, &own, at)
    }

    /// Follows a path that stands in the module `at`: `met` gets the module that declares what it means (itself if it
    /// means a module), and each that re-exports on the way. That module; `None` if the path leads out of the crate, or
    /// is none.
    fn follow(&self, at: &[String], path: &[String], met: &mut BTreeSet<Names>, depth: usize) -> Option<Names> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.walk(Vec::new(), rest, met, depth),
            "self" => self.walk(at.to_vec(), rest, met, depth),
            "super" => {
                let above = at[..at.len().checked_sub(1)?].to_vec();
                if rest.first().is_some_and(|next| next == "super") {
                    self.follow(&above, rest, met, depth)
                } else {
                    self.walk(above, rest, met, depth)
                }
            }
            _ if self.knows(at, first) => self.walk(at.to_vec(), path, met, depth),
            _ => None,
        }
    }

    /// The same for a path that begins in that module, not with a keyword.
    fn walk(&self, at: Names, path: &[String], met: &mut BTreeSet<Names>, depth: usize) -> Option<Names> {
        let child = |name: &String| [&at[..], std::slice::from_ref(name)].concat();
        if let Some((first, rest)) = path.split_first()
            && self.0.contains_key(&child(first))
        {
            return self.walk(child(first), rest, met, depth);
        }
        met.insert(at.clone());
        let (Some((first, rest)), Some(module)) = (path.split_first(), self.0.get(&at)) else { return Some(at) };
        if module.declared.contains(first) || depth > 16 {
            return Some(at);
        }
        if let Some(path) = module.imported.get(first) {
            return self.follow(&at, &[&path[..], rest].concat(), met, depth + 1);
        }
        for glob in &module.globs {
            if let Some(from) = self.follow(&at, glob, &mut BTreeSet::new(), depth + 1)
                && self.knows(&from, first)
            {
                return self.walk(from, path, met, depth + 1);
            }
        }
        // A macro, or something that a macro declares.
        Some(at)
    }

    /// Whether a name is declared or imported in a module.
    fn knows(&self, at: &[String], name: &str) -> bool {
        self.0.get(at).is_some_and(|module| module.declared.contains(name) || module.imported.contains_key(name))
    }
}

impl Module {
    /// Takes in what follows `use`, or a branch of it, after `prefix`.
    fn import(&mut self, tree: &[TokenTree], prefix: &[String]) {
        for branch in tree.split(|token| is_punct(token, ',')) {
            let mut path = prefix.to_vec();
            let mut alias = None;
            let mut tokens = branch.iter();
            while let Some(token) = tokens.next() {
                match token {
                    TokenTree::Ident(word) if word == "as" => alias = tokens.next().map(ToString::to_string),
                    TokenTree::Ident(word) => path.push(word.to_string()),
                    TokenTree::Group(group) => {
                        let tree: Vec<_> = group.stream().into_iter().collect();
                        self.import(&tree, &std::mem::take(&mut path));
                    }
                    TokenTree::Punct(star) if star.as_char() == '*' => {
                        self.mentioned.insert(path.clone());
                        self.globs.push(std::mem::take(&mut path));
                    }
                    _ => {}
                }
            }
            // `a::{self, b}`
            path.pop_if(|last| last == "self");
            if let Some(last) = path.last() {
                self.imported.insert(alias.unwrap_or_else(|| last.clone()), path.clone());
                self.mentioned.insert(path);
            }
        }
    }

    /// Takes in the paths in code.
    fn mention(&mut self, item: &[TokenTree]) {
        let mut path = Names::new();
        let mut colons = 0;
        for token in item {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.mention_path(&mut path);
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                other => {
                    self.mention_path(&mut path);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        items(group.stream()).iter().for_each(|item| self.mention(item));
                    }
                }
            }
        }
        self.mention_path(&mut path);
    }

    fn mention_path(&mut self, path: &mut Names) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.mentioned.insert(path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    /// What the modules of a crate import, `importer imported`, given as files.
    fn imports(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let modules = Modules::read(&folder.path().join("lib.rs")).unwrap();
        modules.imports().iter().map(|(from, to)| format!("{} {}", from.join("::"), to.join("::"))).collect()
    }

    #[test]
    fn paths_lead_through_re_exports_aliases_and_globs_to_what_declares_their_end() {
        let found = imports(&[
            ("lib.rs", "pub mod a; mod b; mod c; pub use a::deep::Deep;"),
            ("a/mod.rs", "pub mod deep; pub use self::deep::*;"),
            ("a/deep.rs", "pub struct Deep; pub const fn depth() -> u8 { 1 }"),
            ("b.rs", "use crate::{Deep as D, a::{self, depth}}; fn f() -> u8 { a::depth() }"),
            ("c.rs", "use std::fmt::{self, Write}; struct S(fmt::Error); impl S { fn g() { super::b::f(); } }"),
        ]);
        assert_eq!(found, [" a::deep", "a a::deep", "b ", "b a", "b a::deep", "c b"]);
    }

    #[test]
    fn tests_comments_and_texts_import_nothing() {
        let found = imports(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "//! [`crate::b`]\n#[cfg(test)] mod tests { use crate::b::B; }\nconst S: &str = \"crate::b::B\";"),
            ("b.rs", "pub struct B; impl B { #[cfg(test)] fn t() { crate::a::f(); } }"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn modules_in_braces_are_modules() {
        let found = imports(&[("lib.rs", "mod a { pub mod b { pub fn f() {} } } fn g() { crate::a::b::f() }")]);
        assert_eq!(found, [" a::b"]);
    }
}
