//! What the rule gives for numbers: whether engines agree, and whether the URI suits its services.

use super::super::ere::{self, Doubt, Mode};
use super::super::{Piece, Rule, Skip, Substitution};
use super::{Application, Code, Field, Findings, Numbers};
use crate::naptr::registry;
use crate::naptr::services::{Enumservice, Enumservices};

/// The most numbers that a rule is tried on.
const MAX_TRIED: usize = 24;

/// The octets of a URI that many clients take: softswitches have buffers of 1024.
const LONG_URI: usize = 1024;

/// Parameters that say which device to reach, or how, and so make a contact address (RFC 3261 §19.1.1, RFC 5627).
const CONTACT_PARAMETERS: [&str; 8] = ["transport", "maddr", "ttl", "method", "lr", "ob", "gr", "expires"];

/// Feature tags, which tell what a device can do (RFC 3840 §10).
const CAPABILITIES: [&str; 17] = [
    "audio",
    "video",
    "text",
    "data",
    "control",
    "application",
    "automata",
    "class",
    "duplex",
    "mobility",
    "description",
    "events",
    "priority",
    "methods",
    "schemes",
    "extensions",
    "isfocus",
];

/// Tries the rule of a record that gives a URI.
pub(super) fn check(found: &mut Findings<'_>, application: Application, numbers: Option<&Numbers>) {
    let record = found.record;
    // What other applications rewrite are no numbers.
    if application != Application::Enum || !record.flags().eq_ignore_ascii_case(b"u") {
        return;
    }
    let tried = numbers_to_try(record.regexp(), numbers);
    let rules: Vec<_> =
        Mode::ALL.into_iter().map(|mode| (mode, Rule::compile(record.regexp(), mode))).collect();
    let results = |aus: &str| -> Vec<(Mode, Result<Vec<u8>, String>)> {
        let give = |rule: &Result<Rule, _>| match rule {
            Ok(rule) => rule.rewrite(aus.as_bytes()).map_err(|skip| skip.code().to_owned()),
            Err(_) => Err("no-rule".to_owned()),
        };
        rules.iter().map(|(mode, rule)| (*mode, give(rule))).collect()
    };
    let rule = match rules.first() {
        Some((_, Ok(rule))) => rule,
        Some((_, Err(fault))) => {
            let what = format!("Clients drop the regexp, or run out of memory: {fault}.");
            found.add(Code::TooCostly, Field::Regexp, what, "Write it without repeats inside repeats.");
            return;
        }
        None => return,
    };
    let mut matching = 0;
    let mut given = None;
    for aus in &tried {
        let results = results(aus);
        let [(_, first), rest @ ..] = results.as_slice() else { return };
        if rest.iter().any(|(_, result)| result != first) && !found.has(&[Code::EnginesDiffer]) {
            let show = |(mode, result): &(Mode, Result<Vec<u8>, String>)| {
                let text = match result {
                    Ok(output) => format!("\"{}\"", output.escape_ascii()),
                    Err(reason) => reason.clone(),
                };
                format!("{} {text}", mode.name())
            };
            let shown: Vec<String> = results.iter().map(show).collect();
            let what = format!("For {aus} engines give different results: {}.", shown.join(", "));
            let mend = "Write alternatives from the longest to the shortest, or one record for each, and no Perl escapes.";
            found.add(Code::EnginesDiffer, Field::Regexp, what, mend);
        }
        match rule.apply(aus.as_bytes()) {
            Err(Skip::NoMatch) => continue,
            Err(Skip::EmptyOutput) if !found.has(&[Code::OutputEmpty]) => {
                let what =
                    format!("For {aus} the output is empty, which counts as no match (RFC 3402 §3.3).");
                found.add(
                    Code::OutputEmpty,
                    Field::Regexp,
                    what,
                    "Write a URI as the replacement behind the second delimiter.",
                );
            }
            Err(skip @ Skip::NoUri { .. }) if !found.has(&[Code::OutputNoUri, Code::BackslashTwice]) => {
                let what = format!("For {aus} the record gives no URI: {skip}.");
                found.add(
                    Code::OutputNoUri,
                    Field::Regexp,
                    what,
                    "Begin the replacement with a scheme, as in sip: or tel:, and write no blanks.",
                );
            }
            Err(Skip::Expression(fault)) => {
                let what = format!("For {aus} the expression cannot be tried: {fault}.");
                found.add(Code::TooCostly, Field::Regexp, what, "Write it without repeats inside repeats.");
                return;
            }
            Ok(uri) if uri.len() > LONG_URI && !found.has(&[Code::OutputLong]) => long(found, aus, uri.len()),
            Err(Skip::TooLong) if !found.has(&[Code::OutputLong]) => {
                long(found, aus, super::super::MAX_OUTPUT + 1)
            }
            Ok(uri) if given.is_none() => given = Some((aus.clone(), uri)),
            _ => {}
        }
        matching += 1;
    }
    if !found.has(&[Code::EnginesDiffer]) && numbers.is_none_or(|numbers| numbers.wildcard) {
        may_differ(found);
    }
    if matching == 0 {
        no_match(found, numbers, &tried);
    }
    if let Some((aus, uri)) = given {
        judge_uri(found, &aus, &String::from_utf8_lossy(&uri));
    }
}

/// Names what engines may differ on for some number, though for none of those that it was tried on.
fn may_differ(found: &mut Findings<'_>) {
    let regexp = found.record.regexp();
    // What these name is what engines differ on.
    if found.has(&[Code::BindRefuses, Code::NotPortable]) {
        return;
    }
    let Ok(rule) = Substitution::parse(regexp) else { return };
    let groups: Vec<u8> = rule
        .pieces()
        .filter_map(|piece| match piece {
            Piece::Group(group) => Some(group),
            Piece::Octet(_) => None,
        })
        .collect();
    let Some(doubt) = ere::doubt(&rule.plain_expression(), &groups) else { return };
    let (code, what, mend) = match doubt {
        Doubt::Reading => (
            Code::EnginesDiffer,
            "Engines read the expression differently.",
            "Write it without escapes of letters, and without backslashes in brackets.",
        ),
        Doubt::EmptyRepeat => (
            Code::EnginesDiffer,
            "What repeats in the expression may take nothing; engines differ in how often it does, and some never end.",
            "Write one repeat, as in ([0-9]*) for ([0-9]*)*.",
        ),
        Doubt::RepeatedGroup => (
            Code::EnginesDiffer,
            "A group repeats that need not take part each time; engines differ in what a back-reference to it gets.",
            "Write the repeat inside a group, as in ([0-9]*), and alternatives outside of repeats.",
        ),
        Doubt::Choice => (
            Code::EnginesDiffer,
            "The expression can share a number out among its parts in several ways; engines may differ in which they take.",
            "Write alternatives from the longest to the shortest, in front of what varies in length, or one record for each.",
        ),
        Doubt::Cost => (
            Code::TooCostly,
            "For some numbers an engine may take too long, or try too many ways.",
            "Write fewer repeats, or one record for each case.",
        ),
    };
    found.add(code, Field::Regexp, what, mend).at(1..1 + rule.expression.len());
}

fn long(found: &mut Findings<'_>, aus: &str, octets: usize) {
    let what =
        format!("For {aus} the URI has {octets} octets or more; many clients take {LONG_URI} at most.");
    found.add(Code::OutputLong, Field::Regexp, what, "Refer to the number fewer times.");
}

fn no_match(found: &mut Findings<'_>, numbers: Option<&Numbers>, tried: &[String]) {
    let mend = "A number is matched with its plus and country code: begin with ^\\+44 or ^\\+1, or match all with ^.*$.";
    match (numbers, tried) {
        (Some(Numbers { digits, wildcard: false }), _) => {
            let what = format!(
                "The expression does not match +{digits}, the number of its owner, so the record is never used."
            );
            found.add(Code::NoMatch, Field::Regexp, what, mend);
        }
        (_, [first, ..]) => {
            let what = format!(
                "The expression matches none of {} numbers that it was tried on, such as {first}.",
                tried.len()
            );
            found.add(Code::MatchesNothing, Field::Regexp, what, mend);
        }
        _ => {}
    }
}

/// The numbers of the owner, or those that the expression seems to be made for.
fn numbers_to_try(regexp: &[u8], numbers: Option<&Numbers>) -> Vec<String> {
    let examples = || {
        let plain = Substitution::parse(regexp).map(|rule| rule.plain_expression());
        ere::examples(&plain.unwrap_or_default())
    };
    let usual = ["+12125551234", "+441632960083", "+4955501234", "+123456789012345"].map(str::to_owned);
    let mut tried: Vec<String> = match numbers {
        Some(Numbers { digits, wildcard: false }) => return vec![format!("+{digits}")],
        Some(Numbers { digits, .. }) => {
            let begin = format!("+{digits}");
            let own = ["5", "12", "0000", "5551234", "98765432101234"].map(|tail| format!("{begin}{tail}"));
            let fitting = examples()
                .into_iter()
                .filter(|number| number.starts_with(&begin) && number.len() > begin.len());
            own.into_iter().chain(fitting).collect()
        }
        None => usual.into_iter().chain(examples()).collect(),
    };
    tried.iter_mut().for_each(|number| number.truncate(16));
    tried.truncate(MAX_TRIED);
    tried
}

//----------- The URI --------------------------------------------------------

fn judge_uri(found: &mut Findings<'_>, aus: &str, uri: &str) {
    let (scheme, rest) = uri.split_once(':').unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    let services =
        Enumservices::parse(found.record.services()).map(|found| found.services).unwrap_or_default();
    for service in &services {
        let Some(rows) = registry::rows_of(service) else { continue };
        let allowed: Vec<&str> = rows.iter().flat_map(|row| row.schemes.iter().copied()).collect();
        if !allowed.contains(&scheme.as_str()) {
            let what = format!(
                "{service} gives a {scheme} URI, but clients choose by the service and expect {}.",
                allowed.join(" or ")
            );
            let mend = match suits(service, &scheme) {
                Some(other) => format!("Use E2U+{other}, or a {} URI.", allowed.join(" or ")),
                None => {
                    format!("Write a {} URI, or the enumservice that this one is for.", allowed.join(" or "))
                }
            };
            found.add(Code::UriScheme, Field::Regexp, what, mend);
        }
    }
    match scheme.as_str() {
        "sip" | "sips" if services.iter().any(|service| service.kind == "sip") => {
            address_of_record(found, rest)
        }
        "tel" => tel(found, aus, rest),
        _ => {}
    }
}

/// The service of the same type that has the scheme.
fn suits(service: &Enumservice, scheme: &str) -> Option<String> {
    registry::rows_of_kind(&service.kind)
        .find(|row| row.schemes.contains(&scheme))
        .map(|row| format!("{}:{}", row.kind, row.subtype))
}

/// E2U+sip wants where a user is known, and not where a device is or what it can do (RFC 3764 §3, §4).
fn address_of_record(found: &mut Findings<'_>, rest: &str) {
    let (address, headers) =
        rest.split_once('?').map_or((rest, None), |(address, headers)| (address, Some(headers)));
    let (user, host) = address.rsplit_once('@').map_or((None, address), |(user, host)| (Some(user), host));
    let mut parts = host.split(';');
    let place = parts.next().unwrap_or_default();
    let names: Vec<String> = parts
        .map(|parameter| {
            parameter.split('=').next().unwrap_or_default().trim_start_matches('+').to_ascii_lowercase()
        })
        .collect();
    let (name, port) = match place.strip_prefix('[') {
        Some(inside) => inside.split_once(']').map_or((inside, ""), |(name, port)| (name, port)),
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let mut reasons = Vec::new();
    if user.is_none_or(str::is_empty) {
        reasons.push("it names no user".to_owned());
    }
    if name.parse::<std::net::IpAddr>().is_ok() {
        reasons.push(format!("its host is the address {name}"));
    }
    if !port.trim_start_matches(':').is_empty() {
        reasons.push(format!("it has port {}", port.trim_start_matches(':')));
    }
    reasons.extend(
        names
            .iter()
            .filter(|name| CONTACT_PARAMETERS.contains(&name.as_str()))
            .map(|name| format!("it has parameter {name}")),
    );
    if headers.is_some() {
        reasons.push("it has headers".to_owned());
    }
    if !reasons.is_empty() {
        let what = format!(
            "E2U+sip gives a contact address where an address-of-record belongs (RFC 3764 §3): {}.",
            reasons.join(", ")
        );
        found.add(
            Code::SipContact,
            Field::Regexp,
            what,
            "Write sip:user@domain and let DNS and registration say where that is.",
        );
    }
    let capabilities: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| CAPABILITIES.contains(name) || name.starts_with("sip."))
        .collect();
    if !capabilities.is_empty() {
        let what = format!(
            "The SIP URI tells capabilities ({}), which are negotiated when it is used (RFC 3764 §4).",
            capabilities.join(", ")
        );
        found.add(Code::SipCapability, Field::Regexp, what, "Leave those parameters out.");
    }
}

/// A tel URI with the number that was asked for sends the client to ENUM again.
fn tel(found: &mut Findings<'_>, aus: &str, rest: &str) {
    let (number, parameters) =
        rest.split_once(';').map_or((rest, None), |(number, rest)| (number, Some(rest)));
    let digits: String = number.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect();
    if digits == aus && parameters.is_none() {
        let what = format!(
            "For {aus} the record gives tel:{aus} again: a client that asks ENUM for it goes in a circle."
        );
        found.add(
            Code::TelLoop,
            Field::Regexp,
            what,
            "Add ;npdi or ;enumdi, which say that the query was made (RFC 4694, RFC 4759).",
        );
    }
}
