//! Keeps the layers of the core: a module uses modules of lower layers and itself, no others.
//!
//! The layers are read from the table in `rust/core/src/lib.rs`, the uses from the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// Module → layer, as the table in the documentation of the crate has it.
fn table(lib: &str) -> BTreeMap<String, u32> {
    let modules: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ").or(line.strip_prefix("mod "))?.strip_suffix(';'))
        .collect();
    let mut layers = BTreeMap::new();
    for line in lib.lines().filter_map(|line| line.strip_prefix("//! ")) {
        let mut words = line.split_whitespace();
        let Some(layer) = words.next().and_then(|word| word.parse().ok()) else { continue };
        // The names stand first; what they are about begins with the first word that is none.
        for module in words.take_while(|word| modules.contains(word)) {
            assert_eq!(None, layers.insert(module.to_owned(), layer), "{module} stands in the table twice");
        }
    }
    for module in modules {
        assert!(layers.contains_key(module), "{module} is in no layer of the table in lib.rs");
    }
    layers
}

/// The modules of the crate that `source`, the text of a file of `module`, names, with their lines.
fn uses(module: &str, depth: usize, source: &str) -> Vec<(usize, String)> {
    let code: Vec<&str> =
        source.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect();
    let mut found = Vec::new();
    // Paths may be parted by line breaks, as in a `use crate::{…}` over several lines.
    let text = code.join("\n");
    let line_of = |at: usize| text[..at].matches('\n').count() + 1;
    let climbing = ["super::"].repeat(depth + 1).concat();
    // In the module of tests at a file's foot `super` is the file itself.
    let body = text.split("#[cfg(test)]").next().unwrap_or(&text);
    for (root, text) in [("crate::", text.as_str()), (climbing.as_str(), body)] {
        for (at, _) in text.match_indices(root) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            for name in first_names(&text[at + root.len()..]) {
                found.push((line_of(at), name));
            }
        }
    }
    found.retain(|(_, name)| name != module);
    found
}

/// The first names of a path or of each path in a group: `a` of `a::b`; `a` and `b` of `{a::{x, y}, b}`.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    let Some(group) = path.trim_start().strip_prefix('{') else { return vec![name(path)] };
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Every violation in a file, as text.
fn violations(
    layers: &BTreeMap<String, u32>,
    file: &str,
    module: &str,
    depth: usize,
    source: &str,
) -> Vec<String> {
    let own = layers[module];
    uses(module, depth, source)
        .into_iter()
        .filter_map(|(line, used)| {
            let what = match layers.get(&used) {
                None => format!("{used}, which is no module of the table"),
                Some(layer) if *layer >= own => format!("{used} of layer {layer}"),
                Some(_) => return None,
            };
            Some(format!("{file}:{line}: {module} of layer {own} uses {what}"))
        })
        .collect()
}

/// Calls `visit` with the path of each source file below `folder`.
fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, visit);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&path);
        }
    }
}

#[test]
fn no_module_uses_its_own_layer_or_a_higher_one() {
    let lib = fs::read_to_string(Path::new(SOURCES).join("lib.rs")).unwrap();
    let layers = table(&lib);
    assert!(layers.len() >= 12, "{layers:?}");
    let (mut found, mut files, mut seen) = (Vec::new(), 0, 0);
    walk(Path::new(SOURCES), &mut |path| {
        let inside = path.strip_prefix(SOURCES).unwrap().with_extension("");
        let mut parts: Vec<String> = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        if parts == ["lib"] {
            return;
        }
        if parts.last().is_some_and(|part| part == "mod") {
            parts.pop();
        }
        let source = fs::read_to_string(path).unwrap();
        seen += uses(&parts[0], parts.len() - 1, &source).len();
        found.extend(violations(&layers, &inside.display().to_string(), &parts[0], parts.len() - 1, &source));
        files += 1;
    });
    assert!(files >= 20 && seen >= 30, "{files} files with {seen} uses: the sources are not where they were");
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn headings_of_lib_rs_agree_with_its_table() {
    let lib = fs::read_to_string(Path::new(SOURCES).join("lib.rs")).unwrap();
    let layers = table(&lib);
    let mut heading = None;
    for line in lib.lines() {
        if let Some(layer) = line.strip_prefix("//--- Layer ") {
            heading = Some(layer.parse::<u32>().unwrap());
        } else if let Some(module) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            assert_eq!(heading, layers.get(module).copied(), "{module}");
        }
    }
}

#[test]
fn upward_uses_are_seen_in_every_spelling() {
    let layers: BTreeMap<String, u32> = [("number", 0), ("trie", 1), ("index", 1), ("plan", 3)]
        .map(|(name, layer)| (name.to_owned(), layer))
        .into();
    let faults = |depth, source: &str| violations(&layers, "f", "trie", depth, source).len();
    for fine in [
        "use crate::number::Number;",
        "use crate::trie::Node;",
        "// use crate::plan;",
        "/// [`x`](crate::plan::x)",
        "use std::fmt; use mycrate::plan;",
        "use super::number;",
        "use crate::{number::{self, Number}, trie};",
    ] {
        assert_eq!(0, faults(0, fine), "{fine}");
    }
    assert_eq!(0, faults(1, "use super::plan;"), "a module of trie's own");
    for fault in [
        "use crate::plan;",
        "use crate::index::Index;",
        "pub use crate::plan::{self};",
        "let x = crate::plan::x();",
        "use crate::{number, plan::Plan};",
        "use crate::{\n    number::{\n        A,\n        B,\n    },\n    index,\n};",
        "use super::plan::x;",
        "fn f(x: &crate::plan::X) {}",
        "use crate::nowhere;",
    ] {
        assert_eq!(1, faults(0, fault), "{fault}");
    }
    assert_eq!(1, faults(1, "use super::super::plan;"));
    assert_eq!(0, faults(0, "#[cfg(test)]\nmod tests { use super::*; }"));
    assert_eq!(1, faults(0, "#[cfg(test)]\nmod tests { use crate::plan; }"));
}
