//! Tests of the three engines against each other and the reference.

use proptest::prelude::*;

use super::*;

fn find(text: &str, subject: &str, mode: Mode) -> Result<Option<Groups>, ExpressionFault> {
    Expression::parse(text.as_bytes(), mode, false)?.find(subject.as_bytes())
}

/// What groups took, `-` for one without part; the whole match first.
fn taken(text: &str, subject: &str, mode: Mode) -> Option<Vec<String>> {
    let groups = find(text, subject, mode).unwrap()?;
    Some(groups.into_iter().map(|group| group.map_or("-".to_owned(), |g| subject[g].to_owned())).collect())
}

/// Expressions with a little of everything over the letters a, b and c.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        8 => "[abc]".prop_map(|text| text),
        2 => Just(".".to_owned()),
        2 => Just("[ab]".to_owned()),
        1 => Just("[^a]".to_owned()),
        1 => Just("()".to_owned()),
        1 => Just("(^)".to_owned()),
        1 => Just("($)".to_owned()),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        let group = inner.clone().prop_map(|text| format!("({text})"));
        let repeat = prop_oneof![
            4 => Just("*"), 3 => Just("+"), 4 => Just("?"), 1 => Just("{2}"), 1 => Just("{1,2}"),
            1 => Just("{0,3}"), 1 => Just("{5,7}"), 1 => Just("{2,}"), 1 => Just("{0}"),
        ];
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 2..4).prop_map(|texts| texts.concat()),
            3 => prop::collection::vec(inner.clone(), 2..4).prop_map(|texts| format!("({})", texts.join("|"))),
            4 => (group.clone(), repeat.clone()).prop_map(|(text, repeat)| text + repeat),
            1 => ("[abc.]", repeat).prop_map(|(text, repeat)| text + repeat),
            1 => group,
            1 => (inner.clone(), inner).prop_map(|(one, other)| format!("{one}|{other}")),
        ]
    })
}

fn is_valid(text: &str) -> bool {
    syntax::parse(text.as_bytes(), Mode::Posix, false).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn posix_is_what_the_reference_says(text in expression(), subject in "[abc]{0,6}") {
        prop_assume!(is_valid(&text));
        let parsed = syntax::parse(text.as_bytes(), Mode::Posix, false).unwrap();
        if let Some(expected) = reference::find(&parsed, subject.as_bytes()) {
            prop_assert_eq!(expected, find(&text, &subject, Mode::Posix).unwrap());
        }
    }

    #[test]
    fn modes_agree_on_where_a_match_begins(text in expression(), subject in "[abc]{0,8}") {
        prop_assume!(is_valid(&text));
        let [posix, perl] = [Mode::Posix, Mode::Perl].map(|mode| find(&text, &subject, mode).unwrap());
        let glibc = find(&text, &subject, Mode::Glibc);
        // Where glibc's way of passing through empty iterations goes in a circle, this runs out of steps.
        prop_assume!(glibc != Err(ExpressionFault::TooCostly));
        let glibc = glibc.unwrap();
        let whole = |groups: &Option<Groups>| groups.as_ref().and_then(|groups| groups[0].clone());
        prop_assert_eq!(whole(&posix), whole(&glibc));
        prop_assert_eq!(whole(&posix).map(|whole| whole.start), whole(&perl).map(|whole| whole.start));
        if let (Some(longest), Some(first)) = (whole(&posix), whole(&perl)) {
            prop_assert!(longest.end >= first.end);
        }
    }

    #[test]
    fn repeats_may_be_cut_to_the_length_of_the_subject(text in expression(), subject in "[abc]{0,4}") {
        prop_assume!(is_valid(&text));
        let parsed = syntax::parse(text.as_bytes(), Mode::Posix, false).unwrap();
        for mode in Mode::ALL {
            // What glibc makes of ^ and $ in optional groups is not modelled.
            if mode == Mode::Glibc && (text.contains("($)") || text.contains("(^)")) {
                continue;
            }
            let [cut, whole] = [subject.len(), 300].map(|longest| {
                let program = Program::new(&parsed, longest).unwrap();
                let graph = Graph::new(&parsed, mode, longest).unwrap();
                let (subject, mut steps) = (subject.as_bytes(), Steps::default());
                match mode {
                    Mode::Posix => posix::find(&program, &parsed, subject, &mut steps),
                    Mode::Glibc => glibc::find(&parsed, &program, &graph, subject, &mut steps),
                    Mode::Perl => perl::find(&parsed, &graph, subject, &mut steps),
                }
            });
            prop_assert_eq!(whole, cut);
        }
    }

    #[test]
    fn any_octets_are_judged_without_panic(text: Vec<u8>, likely in "[\\[\\]()*+?{},0-9^$|\\\\.:=abd]{0,60}", subject: Vec<u8>) {
        for mode in Mode::ALL {
            for text in [&text[..], likely.as_bytes()] {
                if let Ok(expression) = Expression::parse(text, mode, likely.len() % 2 == 0) {
                    let _ = expression.find(&subject);
                    let _ = expression.find(b"+4412abd");
                }
            }
        }
    }
}

#[test]
fn groups_take_what_posix_says() {
    for (text, subject, expected) in [
        ("(a|ab)(c|bcd)(d*)", "abcd", &["abcd", "ab", "c", "d"][..]),
        ("(a*)*", "b", &["", ""]),
        ("(a*)+", "aab", &["aa", "aa"]),
        ("(a|b)*", "c", &["", "-"]),
        ("(a*){2}(x)", "ax", &["ax", "", "x"]),
        ("((a)|(b))*", "ab", &["ab", "b", "-", "b"]),
        ("(a?)((ab)?)(b?)", "ab", &["ab", "a", "", "-", "b"]),
        ("()?", "", &["", ""]),
        ("(^|a)+b", "aab", &["aab", "a"]),
    ] {
        let expected: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(Some(expected), taken(text, subject, Mode::Posix), "{text} on {subject}");
    }
}

#[test]
fn case_is_ignored_for_ascii_letters_alone() {
    let expression = Expression::parse("^[A-C]\u{e9}x".as_bytes(), Mode::Posix, true).unwrap();
    assert!(expression.find("b\u{e9}X".as_bytes()).unwrap().is_some());
    assert!(expression.find("b\u{c9}X".as_bytes()).unwrap().is_none());
}
