//! Routing numbers from a plan's row to the answer (RFC 4694 §4), and templates that no plan can break.

use numdip_core::plan::PortedFields;
use numdip_core::respond::{Responder, Settings};

use crate::plan_rows::fault_of_ported;
use crate::respond::{plan, regexp};
use crate::support::{ported, responder, snapshot};

/// The template of RFC 4769's records: the dip is done, and this is what it found.
const ROUTING: &str = r"!^(.*)$!tel:\1;npdi;rn={rn};rn-context={rn_context};mcc={mcc};mnc={mnc}!";
/// All that the documentation names at once.
const ALL: &str =
    r"!^(.*)$!tel:\1;npdi;rn={rn};rn-context={rn_context};spid={spid};mcc={mcc};mnc={mnc};mnc3={mnc3}!";

/// Those that grammar and limits permit, and what the template makes of them.
const GOOD: [(&str, &str, &str); 10] = [
    ("", "", ""),
    ("+49D146301234", "", ";rn=+49D146301234"),
    ("+1", "", ";rn=+1"),
    ("+0123456789abcdef01234567", "", ";rn=+0123456789abcdef01234567"),
    ("d2701", "+7", ";rn=d2701;rn-context=+7"),
    ("D0e", "+33c0", ";rn=D0e;rn-context=+33c0"),
    ("0123456789abcdef01234567", "example.com", ";rn=0123456789abcdef01234567;rn-context=example.com"),
    ("1", "a", ";rn=1;rn-context=a"),
    ("1", "4-4.e164.x-1.", ";rn=1;rn-context=4-4.e164.x-1."),
    (
        "1",
        "a123456789b123456789c123456789d123456789.f123456789.g123456789.h",
        ";rn=1;rn-context=a123456789b123456789c123456789d123456789.f123456789.g123456789.h",
    ),
];

fn moved<'a>(rn: &'a str, rn_context: &'a str) -> PortedFields<'a> {
    PortedFields { rn, rn_context, ..ported("447786852522", ["234", "15"]) }
}

#[test]
fn an_answer_names_the_routing_number_and_its_context_where_it_has_one() {
    for (rn, context, parameters) in GOOD {
        let plan = snapshot(&[], &[moved(rn, context)]);
        let settings = Settings { regexp: ROUTING.to_owned(), ..Settings::default() };
        let expected = format!(r"!^(.*)$!tel:\1;npdi{parameters};mcc=234;mnc=15!");
        assert_eq!(Some(expected), regexp(&responder(&plan, settings), "447786852522"));
    }
}

#[test]
fn routing_numbers_and_contexts_that_are_none_are_told_with_the_mend() {
    let digits = "up to 24 hexadecimal digits, a + and the country code before them if they are global";
    let context = "+ and digits, or a domain name";
    let missing = "the context that a local rn needs: + and digits, or a domain name; \
                   or write the rn globally, with a + (RFC 4694)";
    let global = "nothing, for an rn with a + is global and has no context (RFC 4694)";
    let long = "a.".repeat(32) + "b";
    for (rn, rn_context, column, expected) in [
        ("+", "", "rn", digits),
        ("++1", "", "rn", digits),
        ("+d1", "", "rn", digits),
        ("12g4", "+1", "rn", digits),
        ("12 4", "+1", "rn", digits),
        ("0123456789abcdef012345678", "+1", "rn", digits),
        ("+0123456789abcdef012345678", "", "rn", digits),
        ("d2701", "", "rn_context", missing),
        ("+49D146301234", "+49", "rn_context", global),
        ("", "+7", "rn_context", "nothing, for there is no rn"),
        ("1", "+", "rn_context", context),
        ("1", "+a1", "rn_context", context),
        ("1", "+1.2", "rn_context", context),
        ("1", "7", "rn_context", context),
        ("1", "example.7", "rn_context", context),
        ("1", "a..b", "rn_context", context),
        ("1", ".", "rn_context", context),
        ("1", "-a.b", "rn_context", context),
        ("1", "a-.b", "rn_context", context),
        ("1", "a b", "rn_context", context),
        ("1", "a;b", "rn_context", context),
        ("1", "\u{e9}.example", "rn_context", context),
        ("1", &long, "rn_context", "at most 64 octets"),
    ] {
        let fault = fault_of_ported(&moved(rn, rn_context));
        let found = if column == "rn" { rn } else { rn_context };
        let shown = if found.len() > 60 { format!("{}…", &found[..60]) } else { found.to_owned() };
        let told = format!("in/plan.csv:7: column \"{column}\": found {shown:?}, expected {expected}");
        assert_eq!(told, fault);
    }
}

#[test]
fn a_spid_that_is_too_long_once_encoded_is_told() {
    let expected = "at most 64 octets, all but letters, digits and + - . _ counting three times";
    for (good, bad) in [
        ("a".repeat(64), "a".repeat(65)),
        ("\u{e9}".repeat(10) + "+-._", "\u{e9}".repeat(11)),
        ("!".repeat(21) + "a", "!".repeat(22)),
    ] {
        snapshot(&[], &[PortedFields { spid: &good, ..moved("", "") }]);
        let fault = fault_of_ported(&PortedFields { spid: &bad, ..moved("", "") });
        assert!(fault.starts_with("in/plan.csv:7: column \"spid\": found "), "{fault}");
        assert!(fault.ends_with(expected), "{fault}");
    }
}

//----------- Templates ------------------------------------------------------

#[test]
fn the_longest_values_of_a_plan_fit_the_documented_templates() {
    let context = "a.".repeat(32);
    let spid = "!".repeat(21) + "s";
    let global = PortedFields { spid: &spid, ..moved("+0123456789abcdef01234567", "") };
    let local = PortedFields { number: "44", spid: &spid, ..moved("0123456789abcdef01234567", &context) };
    let plan = snapshot(&[], &[global, local]);
    for template in [Settings::default().regexp, ROUTING.to_owned(), ALL.to_owned()] {
        let responder = responder(&plan, Settings { regexp: template, ..Settings::default() });
        for digits in ["447786852522", "44"] {
            assert!(regexp(&responder, digits).unwrap().len() <= 255);
        }
    }
}

#[test]
fn a_template_that_some_plan_could_break_is_refused_whatever_the_plan() {
    let refused = |regexp: String| {
        let settings = Settings { regexp, ..Settings::default() };
        let error = Responder::new(plan(), settings).unwrap_err();
        assert_eq!("answer.regexp", error.key);
        error.what
    };
    let of_spid = |octets| format!("!^.*$!tel:{};spid={{spid}}!", "y".repeat(octets));
    let fits = 255 - "!^.*$!tel:;spid=!".len() - 64;
    responder(&plan(), Settings { regexp: of_spid(fits), ..Settings::default() });
    assert_eq!(
        "256 octets once filled in with the longest values that a plan may have, at most 255 fit in the record: \
         shorten it",
        refused(of_spid(fits + 1))
    );
    // A delimiter that may stand in a value would end the rule there.
    for (parameter, delimiters) in [
        ("spid={spid}", &["-", ".", "_", "+", "%", "a", "Z"][..]),
        ("rn={rn}", &["+", "a", "F"]),
        ("operator={operator}", &["-", ".", "_", "+", "%", "b", "Z"]),
    ] {
        for delimiter in delimiters {
            let template = format!(r"!^(.*)$!tel:\1;{parameter}!").replace('!', delimiter);
            assert!(refused(template).contains("is no rule"), "{delimiter} with {parameter}");
        }
    }
}

#[test]
fn a_placeholder_that_is_none_is_told_with_those_there_are() {
    let settings = Settings { regexp: r"!^(.*)$!tel:\1;rn={rn-context}!".to_owned(), ..Settings::default() };
    assert!(Responder::new(plan(), settings).is_err());
    let settings = Settings { regexp: r"!^(.*)$!tel:\1;cic={cic}!".to_owned(), ..Settings::default() };
    let error = Responder::new(plan(), settings).unwrap_err();
    assert_eq!(
        "{cic} is no placeholder: use {number} {mcc} {mnc} {mnc3} {spid} {rn} {rn_context} {operator}",
        error.what
    );
}
