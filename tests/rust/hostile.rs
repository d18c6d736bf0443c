//! Rules that are made to keep an engine busy, of `tests/vectors/hostile.json`, which Python runs as well.
//!
//! What they may cost is counted in steps, which are the same on every machine. How long steps take, the bench
//! `rules` tells.

use numdip_core::ddds::ere::{MAX_STEPS, Mode};
use numdip_core::ddds::{Rule, RuleFault};
use serde_json::{Value, json};

use crate::vectors::{run_of, str_of};

const FILE: &str = include_str!("../vectors/hostile.json");

/// How many octets the strings have.
const LENGTHS: [usize; 4] = [1, 9, 16, 2048];

fn subjects(input: &Value) -> [Vec<u8>; 4] {
    let (head, fill) = (str_of(input, "head").bytes(), str_of(input, "fill").bytes());
    LENGTHS.map(|length| head.clone().chain(fill.clone().cycle()).take(length).collect())
}

/// What comes of a rule in a mode for each string: `match`, or why not; one word if it is no rule.
fn outcome(rule: &Result<Rule, RuleFault>, subjects: &[Vec<u8>]) -> Value {
    match rule {
        Ok(rule) => subjects
            .iter()
            .map(|subject| rule.rewrite(subject).map_or_else(|skip| skip.code(), |_| "match"))
            .collect(),
        Err(fault) => json!(fault.code()),
    }
}

/// Runs all rules in a mode; steps are compared for the strings that are as long as numbers.
fn check(mode: Mode) {
    run_of(FILE, "hostile", 68, |input, expected| {
        let subjects = subjects(input);
        let rule = Rule::compile(str_of(input, "regexp").as_bytes(), mode);
        let found = outcome(&rule, &subjects);
        if found != expected[mode.name()] {
            return Err(format!("expected {}, found {found}", expected[mode.name()]));
        }
        for (subject, most) in subjects.iter().zip(expected["steps"].as_array().unwrap()) {
            let steps = rule.as_ref().map_or(0, |rule| rule.steps(subject));
            if most.as_u64().is_none_or(|most| steps as u64 > most) {
                return Err(format!("expected {most} steps for {} octets, found {steps}", subject.len()));
            }
        }
        Ok(())
    });
}

#[test]
fn hostile_rules_end_as_the_vectors_say_in_mode_posix() {
    check(Mode::Posix);
}

#[test]
fn hostile_rules_end_as_the_vectors_say_in_mode_glibc() {
    check(Mode::Glibc);
}

#[test]
fn hostile_rules_end_as_the_vectors_say_in_mode_perl() {
    check(Mode::Perl);
}

/// Modes differ in what groups take, and in what they can afford, but not in whether there is a match.
#[test]
fn modes_that_come_to_an_end_agree_on_hostile_rules() {
    run_of(FILE, "hostile", 68, |input, expected| {
        // Perl has another idea of what \b in an expression is.
        if str_of(input, "regexp").contains("\\b") {
            return Ok(());
        }
        for place in 0..LENGTHS.len() {
            let ended = Mode::ALL.map(|mode| expected[mode.name()][place].as_str());
            let mut ended =
                ended.into_iter().flatten().filter(|outcome| ["match", "no-match"].contains(outcome));
            let first = ended.next();
            if ended.any(|outcome| Some(outcome) != first) {
                return Err(format!("they do not for {} octets", LENGTHS[place]));
            }
        }
        Ok(())
    });
}

/// Without a rule that costs more than there is, nothing shows that the count ends it.
#[test]
fn some_hostile_rules_are_given_up_in_each_mode() {
    let file: Value = serde_json::from_str(FILE).unwrap();
    for mode in Mode::ALL {
        let is_given_up = |case: &Value| {
            let input = &case["input"];
            let rule = Rule::compile(str_of(input, "regexp").as_bytes(), mode);
            let most =
                rule.ok().and_then(|rule| subjects(input).iter().map(|subject| rule.steps(subject)).max());
            most == Some(MAX_STEPS + 1)
        };
        assert!(file["cases"].as_array().unwrap().iter().any(is_given_up), "{}", mode.name());
    }
}
