//! What every REGEXP field must bear, with every string: the body of the fuzz target `rules`.
//!
//! It stands in a module of its own because `cargo test` runs it too, on seeded mutations.

use numdip_core::ddds::ere::{Groups, MAX_SUBJECT, Mode};
use numdip_core::ddds::{MAX_OUTPUT, Rule, Skip, Substitution};

/// Takes input as a field and a string behind an octet 0, which no field has.
pub(crate) fn check_input(input: &[u8]) {
    let zero = input.iter().position(|octet| *octet == 0).unwrap_or(input.len());
    check_rule(&input[..zero], input.get(zero + 1..).unwrap_or(b"+441632960083"));
}

/// Parses, compiles and applies a field in every mode.
pub(crate) fn check_rule(regexp: &[u8], aus: &[u8]) {
    let read = Substitution::read(regexp);
    assert!(Substitution::parse(regexp).is_err() || read.is_ok(), "published, but not read");
    let [posix, glibc, _] = Mode::ALL.map(|mode| {
        let rule = Rule::compile(regexp, mode).ok()?;
        let groups = rule.find(aus).ok().flatten();
        match &groups {
            Some(groups) => check_groups(groups, aus, mode),
            None => assert!(rule.rewrite(aus).is_err()),
        }
        match (rule.rewrite(aus), rule.apply(aus)) {
            (Ok(output), Ok(uri)) => assert_eq!(output, uri),
            (Ok(output), Err(Skip::NoUri { output: found, .. })) => assert_eq!(output, found),
            (Err(one), Err(other)) => assert_eq!(one, other),
            found => panic!("{found:?}"),
        }
        if let Ok(output) = rule.rewrite(aus) {
            assert!((1..=MAX_OUTPUT).contains(&output.len()));
        }
        groups
    });
    assert!(posix.is_none() || read.is_ok() && aus.len() <= MAX_SUBJECT);
    // Behind a backslash glibc has letters of its own.
    if let (Some(posix), Some(glibc), false) = (posix, glibc, regexp.contains(&b'\\')) {
        assert_eq!(posix[0], glibc[0], "the whole match");
    }
}

fn check_groups(groups: &Groups, aus: &[u8], mode: Mode) {
    let whole = groups[0].clone().expect("the whole match");
    assert!(whole.start <= whole.end && whole.end <= aus.len());
    for group in groups.iter().flatten() {
        assert!(group.start <= group.end, "{groups:?} in mode {}", mode.name());
        assert!(whole.start <= group.start && group.end <= whole.end, "{groups:?} in mode {}", mode.name());
    }
}
