//! The lint: the cases of `tests/vectors/lint.json`, which Python runs as well, and what holds for all records.

use numdip_core::ddds::lint::{self, Code, Severity, file};
use numdip_core::ddds::{Rule, ere::Mode};
use numdip_core::naptr::Naptr;
use numdip_core::naptr::registry::REGISTRY;
use proptest::prelude::*;
use proptest::string::string_regex;
use serde_json::{Value, json};

use crate::vectors::{run_of, str_of};

const FILE: &str = include_str!("../vectors/lint.json");

fn codes(text: &[u8]) -> Vec<(usize, Code)> {
    let mut codes: Vec<_> = file::check(text, "e164.arpa")
        .findings
        .iter()
        .map(|placed| (placed.line, placed.finding.code))
        .collect();
    codes.sort_unstable();
    codes
}

#[test]
fn files_have_the_faults_that_are_found() {
    run_of(FILE, "lint", 90, |input, expected| {
        let text = str_of(input, "text");
        let report = file::check(text.as_bytes(), "e164.arpa");
        let found: Vec<Value> = codes(text.as_bytes()).iter().map(|(_, code)| json!(code.name())).collect();
        if expected["codes"] != json!(found) {
            return Err(format!("expected {}, found {}", expected["codes"], json!(found)));
        }
        let mended = String::from_utf8(report.mend(text.as_bytes())).unwrap();
        match expected.get("fixed").and_then(Value::as_str).unwrap_or(text) {
            fixed if fixed == mended => Ok(()),
            fixed => Err(format!("expected {fixed}, found {mended}")),
        }
    });
}

#[test]
fn every_code_has_a_case() {
    let file: Value = serde_json::from_str(FILE).unwrap();
    let cases = file["cases"].as_array().unwrap();
    let missing: Vec<&str> = Code::ALL
        .iter()
        .map(|code| code.name())
        .filter(|name| {
            !cases.iter().any(|case| case["expect"]["codes"].as_array().unwrap().contains(&json!(name)))
        })
        .collect();
    assert_eq!(Vec::<&str>::new(), missing);
}

#[test]
fn each_registered_service_takes_its_schemes_and_no_other() {
    for row in &REGISTRY {
        let service = [row.kind, row.subtype].join(":");
        let codes = |scheme: &str| {
            let regexp = format!("!^.*$!{scheme}:x@example.com!");
            let services = format!("E2U+{}", service.trim_end_matches(':'));
            let record = Naptr::new(1, 1, [b"u", services.as_bytes(), regexp.as_bytes()], ".").unwrap();
            lint::check(&record, None).iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert!(row.schemes.iter().all(|scheme| codes(scheme).is_empty()), "{service}");
        assert_eq!(vec![Code::UriScheme], codes("x-other"), "{service}");
    }
}

//----------- Properties -----------------------------------------------------

/// A record that is likely to be nearly right.
fn record() -> impl Strategy<Value = Naptr> {
    let flags = "(u|U|s|a|p||us|x)";
    let services = "(E2U\\+(sip|pstn:(tel|sip)|voice:tel|web:https?|x-a|msg)(\\+sip)?|sip\\+E2U|SIP\\+D2U|EM:ProtA||E2U)";
    let expression =
        "\\^?\\(?(\\\\\\+|\\+)?[0-9]{0,3}(\\.\\*|\\[0-9\\]\\{3\\}|\\.\\*\\?|\\|44|\\\\d)?\\)?\\$?";
    let uri = "(sip:|tel:|https:|)(\\\\[0-2]|\\\\\\\\1|[a-z]{0,3})(@example.com)?(:5060)?(;npdi|;transport=udp|\\\\;a=b| )?";
    let name = "(\\.|[a-z]{1,5}\\.example\\.)";
    (flags, services, "[!/~|1]", expression, uri, "(|i|g|!)", name, any::<bool>()).prop_map(
        |(flags, services, delimiter, expression, uri, end, name, empty)| {
            let regexp = [&delimiter[..], &expression, &delimiter, &uri, &delimiter, &end].concat();
            let regexp = if empty { "" } else { &regexp };
            Naptr::new(10, 100, [flags.as_bytes(), services.as_bytes(), regexp.as_bytes()], &name).unwrap()
        },
    )
}

proptest! {
    #[test]
    fn any_octets_are_judged_without_panic(flags: Vec<u8>, services: Vec<u8>, regexp in prop::collection::vec(any::<u8>(), 0..=255)) {
        let cut = |octets: &[u8]| octets[..octets.len().min(255)].to_vec();
        let record = Naptr::new(1, 1, [&cut(&flags), &cut(&services), &regexp], ".").unwrap();
        for finding in lint::check(&record, None) {
            prop_assert!(!finding.what.is_empty() && !finding.mend.is_empty() && finding.what.ends_with('.'));
            prop_assert!(finding.span.start <= finding.span.end && finding.span.end <= 1024);
        }
    }

    #[test]
    fn any_text_is_judged_without_panic(text: Vec<u8>, likely in "([0-9*]\\.){0,2}( NAPTR)? 1 2 \"?u?\"? \"E2U\\+[a-z:]{0,4}\" \"[!^.*$\\\\1+(|)]{0,12}\" ?[.a(]{0,3}\n") {
        for text in [&text[..], likely.as_bytes(), [&likely[..], &likely].concat().as_bytes()] {
            let report = file::check(text, "e164.arpa");
            let lines = text.split(|octet| *octet == b'\n').count();
            prop_assert!(report.findings.iter().all(|placed| (1..=lines).contains(&placed.line)));
            if report.mendable() == 0 {
                prop_assert_eq!(text, report.mend(text));
            }
        }
    }

    #[test]
    fn mended_records_have_nothing_left_to_mend_and_no_new_errors(record in record()) {
        let mended = lint::mended(&record, None);
        let after = lint::check(&mended, None);
        prop_assert!(after.iter().all(|finding| finding.fixed.is_none()), "{mended}");
        let before = lint::check(&record, None);
        if mended != record {
            // What could not be seen behind the fault that was mended may come to light, but the record is better.
            let worst = |list: &[lint::Finding]| list.iter().map(|finding| finding.code.severity()).max();
            prop_assert!(worst(&after) <= worst(&before) , "{record} → {mended}");
            let mendable: Vec<_> = before.iter().filter(|finding| finding.fixed.is_some()).map(|finding| finding.code).collect();
            prop_assert!(after.iter().all(|finding| !mendable.contains(&finding.code)), "{record} → {mended}");
        }
        prop_assert_eq!(lint::mended(&mended, None), mended);
    }

    #[test]
    fn a_lost_backslash_is_found_and_put_back(digits in "[1-9][0-9]{0,3}", user in "[a-z]{1,5}", plus: bool) {
        let expression = if plus { format!("^\\+{digits}(.*)$") } else { "^(.*)$".to_owned() };
        let regexp = format!("!{expression}!sip:{user}\\1@example.com!");
        let record = Naptr::new(10, 100, [b"u", b"E2U+sip", regexp.as_bytes()], ".").unwrap();
        prop_assert!(lint::check(&record, None).is_empty());
        let lost = record.to_string().replace("\\\\", "\\");
        let report = file::check(lost.as_bytes(), "e164.arpa");
        prop_assert_eq!(vec![(1, Code::BackslashOnce)], codes(lost.as_bytes()));
        prop_assert_eq!(record.to_string().into_bytes(), report.mend(lost.as_bytes()));
    }
}

//----------- Engines --------------------------------------------------------

/// Expressions of pieces that rules for numbers are made of, good and bad, few digits so that they overlap.
fn expression() -> impl Strategy<Value = String> {
    let single = "([12]|\\[12\\]|\\[0-9\\]|\\.)";
    let repeat = "([*+?]|\\{2\\}|\\{1,2\\}|\\{0,3\\}|\\{2,\\})?";
    let of = |text: &str| string_regex(text).unwrap();
    let part = prop_oneof![
        3 => of("[12]{1,3}"),
        3 => of(&format!("{single}{repeat}")),
        3 => of(&format!("\\({single}{repeat}\\)")),
        3 => of(&format!("\\({single}{repeat}\\){repeat}")),
        3 => of(&format!("\\([12]{{1,2}}(\\|[12]{{1,3}}){{1,2}}\\){repeat}")),
        2 => of(&format!("\\({single}{repeat}(\\|{single}{{1,2}}{repeat}){{1,2}}\\)")),
        2 => of(&format!("\\(\\([12]{{1,2}}\\){repeat}{single}{repeat}\\){repeat}")),
        1 => of(&format!("\\(\\([12]{{1,2}}\\)(\\|\\([12]{{1,2}}\\)){{1,2}}\\){repeat}")),
        1 => of("(\\(\\^|\\$\\)|\\^|\\$|\\(1\\|2?\\)|\\(\\)|\\[\\\\d\\]|\\\\d|1\\*\\?)"),
    ];
    let parts = prop::collection::vec(part, 1..5);
    ("(\\^(\\\\\\+\\??|\\.)?)?", parts, "(\\.\\*|\\(\\.\\*\\))?\\$?", any::<bool>()).prop_map(
        |(begin, parts, end, all)| {
            let whole = format!("{begin}{}{end}", parts.concat());
            if all && whole.starts_with('^') { format!("^({})", &whole[1..]) } else { whole }
        },
    )
}

/// A rule with back-references to some of the groups of its expression.
fn rule() -> impl Strategy<Value = String> {
    (expression(), prop::collection::vec(any::<prop::sample::Index>(), 0..3)).prop_map(
        |(expression, referred)| {
            let groups = expression.bytes().filter(|octet| *octet == b'(').count().min(9);
            let referred = referred.iter().filter(|_| groups > 0);
            let replacement: String =
                referred.map(|group| format!("\\{}x", group.index(groups) + 1)).collect();
            format!("!{expression}!sip:{replacement}@a!")
        },
    )
}

/// All numbers of up to five digits that are 1 or 2.
fn short_numbers() -> Vec<String> {
    let mut numbers = vec!["+".to_owned()];
    for place in 0..31 {
        let number = numbers[place].clone();
        numbers.extend(["1", "2"].map(|digit| format!("{number}{digit}")));
    }
    numbers.split_off(1)
}

proptest! {
    /// Not for the numbers that the lint tries alone, nor for some only.
    #[test]
    fn a_rule_without_findings_is_applied_alike_by_all_engines(
        regexp in rule(),
        numbers in prop::collection::vec("\\+[12]{1,4}([12]{0,11}|[0-9]{0,11})", 20),
    ) {
        let Ok(record) = Naptr::new(1, 1, [b"u", b"E2U+x-any", regexp.as_bytes()], ".") else { return Ok(()) };
        // A rule that matches little, or in the middle, is to be applied alike nevertheless.
        let counts = |code: Code| code.severity() == Severity::Error || [Code::EnginesDiffer, Code::TooCostly].contains(&code);
        if lint::check(&record, None).iter().any(|finding| counts(finding.code)) {
            return Ok(());
        }
        for number in numbers.into_iter().chain(short_numbers()) {
            let give = |mode| Rule::compile(record.regexp(), mode).map(|rule| rule.rewrite(number.as_bytes()));
            prop_assert_eq!(give(Mode::Posix), give(Mode::Glibc), "{} {}", record, number);
            prop_assert_eq!(give(Mode::Posix), give(Mode::Perl), "{} {}", record, number);
        }
    }
}

/// What is written for carriers is not doubted, and what the lint asks to write instead is not either.
#[test]
fn usual_rules_are_not_said_to_differ() {
    for expression in [
        "^.*$",
        "^(.*)$",
        "(^.*$)",
        "^(.+)$",
        "^\\+(.*)$",
        "^\\+?(.*)$",
        "^(\\+)?44(.*)$",
        "^\\+1(.*)$",
        "^\\+44(.*)",
        "^\\+44([0-9]+)",
        "^\\+[1-9][0-9]{7,14}$",
        "^\\+44(20|121|161)([0-9]{7,8})$",
        "^(\\+1212|\\+1)(.*)$",
        "^\\+(441632|44163|44|1)(.*)$",
        "^\\+(44)?(.*)$",
        "^\\+?(44|1)([0-9]*)$",
        "^\\+([0-9]{1,3})([0-9]*)([0-9]{4})$",
        "^\\+1([2-9][0-9]{2})([2-9][0-9]{2})([0-9]{4})$",
        "^(.*)([0-9]{4})$",
        "^\\+((44)([0-9]*))$",
        "^\\+44(.*)$|^\\+1(.*)$",
        "^\\+(12)*(3.*)$",
        "^([^0-9]*)([0-9]+)$",
        "^(\\+[^4].*|\\+4[^4].*|\\+44[^1].*|\\+441[^6].*|\\+4416[^3].*|\\+44163[^2].*|\\+441632[^9].*)$",
    ] {
        let groups = expression.matches('(').count();
        let replacement: String = (1..=groups).map(|group| format!("\\{group}")).collect();
        let regexp = format!("!{expression}!sip:{replacement}@a.example!");
        let record = Naptr::new(1, 1, [b"u", b"E2U+sip", regexp.as_bytes()], ".").unwrap();
        let codes: Vec<Code> = lint::check(&record, None).iter().map(|finding| finding.code).collect();
        assert!(
            !codes.contains(&Code::EnginesDiffer) && !codes.contains(&Code::TooCostly),
            "{expression}: {codes:?}"
        );
    }
}
