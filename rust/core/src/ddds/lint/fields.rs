//! Flags, services, and whether it is regexp or replacement that counts.

use super::super::Substitution;
use super::{Application, Code, Field, Findings, Numbers, with, with_flags, with_services};
use crate::naptr::registry;
use crate::naptr::services::{Enumservice, Enumservices, ServicesFault};

/// Judges all fields but what is in the regexp.
pub(super) fn check(found: &mut Findings<'_>, application: Application, numbers: Option<&Numbers>) {
    flags(found, application);
    services(found, application, numbers);
    rewrite(found, application);
    for (field, octets) in [
        (Field::Flags, found.record.flags()),
        (Field::Services, found.record.services()),
        (Field::Regexp, found.record.regexp()),
    ] {
        if let Some(at) = octets.iter().position(|octet| !matches!(octet, b' '..=b'~')) {
            let what = format!("{} has an octet that is no printable ASCII (RFC 6116 §5.1).", field.name());
            found
                .add(Code::NotPrintable, field, what, "Write such characters of a URI as % and two digits.")
                .at(at..at + 1);
        }
    }
}

//----------- Flags ----------------------------------------------------------

fn flags(found: &mut Findings<'_>, application: Application) {
    let flags = found.record.flags();
    let lower = flags.to_ascii_lowercase();
    let known: &[u8] = match application {
        Application::Enum => b"u",
        Application::Sip => b"s",
        Application::Resolution => b"saup",
        Application::Straightforward => b"sau",
    };
    let exclusive = lower.iter().filter(|flag| b"saup".contains(flag)).count();
    if let Some(at) = lower.iter().position(|flag| !known.contains(flag)) {
        let shown = flags.escape_ascii();
        let (what, mend) = match application {
            Application::Enum => (
                format!(
                    "Flags \"{shown}\" are unknown in ENUM, so clients ignore the record (RFC 6116 §3.4.2)."
                ),
                "Write u for a record that gives a URI.",
            ),
            Application::Sip => (
                format!("Flags \"{shown}\" are not those of SIP servers (RFC 3263 §4.1)."),
                "Write s, with the name of SRV records as replacement.",
            ),
            _ => (
                format!("Flags \"{shown}\" are unknown, so clients ignore the record."),
                "Write s for SRV records, a for addresses, u for a URI, or nothing.",
            ),
        };
        found.add(Code::FlagsUnknown, Field::Flags, what, mend).at(at..at + 1);
    } else if exclusive > 1 {
        let what = "More than one of the flags s, a, u and p, which exclude each other (RFC 3404 §4.3).";
        found.add(Code::FlagsSeveral, Field::Flags, what, "Keep the one that says what the record gives.");
    } else if lower != flags {
        let what = "The flag is in upper case: allowed, but some clients compare it as it is.";
        let fixed = with_flags(found.record, &lower);
        found.add(Code::FlagsCase, Field::Flags, what, "Write it in lower case.").fixed(fixed);
    }
}

//----------- Services -------------------------------------------------------

fn services(found: &mut Findings<'_>, application: Application, numbers: Option<&Numbers>) {
    let record = found.record;
    let field = record.services();
    let leads_on = record.flags().is_empty();
    if application != Application::Enum {
        if numbers.is_some() {
            let what = format!(
                "Services \"{}\" are not ENUM's, so its clients skip the record.",
                field.escape_ascii()
            );
            found.add(
                Code::ServicesForeign,
                Field::Services,
                what,
                "Write E2U and an enumservice, as in E2U+sip.",
            );
        }
        return;
    }
    // Whatever stands in a record that leads on is ignored (RFC 6116 §5.2.1).
    if leads_on && field.is_empty() {
        return;
    }
    let services = match Enumservices::parse(field) {
        Ok(services) => services,
        Err(fault) => {
            // A blank around it, or a separator that is none, cannot be meant otherwise.
            let trimmed = field.trim_ascii();
            let fixed = (trimmed != field && Enumservices::parse(trimmed).is_ok())
                .then(|| with_services(record, trimmed))
                .flatten();
            let mend = match fault {
                ServicesFault::Empty => "Name what the URI is for, as in E2U+sip.",
                _ => "Write E2U+type or E2U+type:subtype, with no blanks, as in E2U+pstn:tel.",
            };
            let what = format!("\"{}\" is no list of enumservices: {fault}.", field.escape_ascii());
            found.add(Code::ServicesSyntax, Field::Services, what, mend).fixed(fixed);
            return;
        }
    };
    if services.is_old {
        let names: Vec<String> = services.services.iter().map(ToString::to_string).collect();
        let fixed = with_services(record, format!("E2U+{}", names.join("+")).as_bytes());
        let what = "E2U stands behind the service, as in RFC 2916; zones must not have that (RFC 6116 §5.1).";
        found.add(Code::ServicesOld, Field::Services, what, "Put E2U first, as in E2U+sip.").fixed(fixed);
    }
    for service in &services.services {
        registered(found, service);
    }
}

fn registered(found: &mut Findings<'_>, service: &Enumservice) {
    if service.is_private() || service.is_experimental() {
        let what =
            format!("{service} is for those who agreed on it; other clients skip it (RFC 6116 §3.4.3.1).");
        found.add(Code::ServicePrivate, Field::Services, what, "Publish it on networks where it is known.");
    } else if registry::rows_of(service).is_none() {
        let name = |row: &registry::Registration| match row.subtype {
            "" => row.kind.to_owned(),
            subtype => format!("{}:{subtype}", row.kind),
        };
        let known: Vec<String> = registry::rows_of_kind(&service.kind).map(name).collect();
        let mend = match known.as_slice() {
            [] => "Use a registered one, or one that begins with X- among those who know it.".to_owned(),
            known => format!("Registered are {}.", known.join(", ")),
        };
        let what = format!("{service} is not in the registry of enumservices, so clients skip it.");
        found.add(Code::ServiceUnregistered, Field::Services, what, mend);
    }
}

//----------- Regexp or replacement ------------------------------------------

fn rewrite(found: &mut Findings<'_>, application: Application) {
    let record = found.record;
    let (flags, regexp, replacement) =
        (record.flags().to_ascii_lowercase(), record.regexp(), record.replacement());
    let (has_regexp, has_replacement) = (!regexp.is_empty(), replacement != ".");
    let gives_uri = flags == b"u";
    match (has_regexp, has_replacement) {
        (false, false) => {
            let what = "Neither regexp nor replacement is set, so the record gives nothing.";
            found.add(
                Code::NoRewrite,
                Field::Record,
                what,
                "Set the regexp in a record with flag u, else the replacement.",
            );
            return;
        }
        (true, true) if application == Application::Enum && flags.is_empty() => {
            let what = "The record has no flag, so it leads on to its replacement and the regexp is ignored (RFC 6116 §5.2.1).";
            let fixed = with(record, [&flags, record.services(), b""], &replacement);
            found
                .add(
                    Code::NonterminalRegexp,
                    Field::Regexp,
                    what,
                    "Leave the regexp empty, or write flag u and replacement . if it gives a URI.",
                )
                .fixed(fixed);
        }
        (true, true) => {
            let what = "Regexp and replacement are both set, which is an error (RFC 3403 §4.1).";
            let mend = match gives_uri {
                true => "Write . as replacement: with flag u it is the regexp that gives the URI.",
                false => "Leave the regexp empty: this flag takes the name in replacement.",
            };
            // Who reads it at all reads the regexp, for a name is no URI.
            let fixed = (gives_uri && Substitution::parse(regexp).is_ok())
                .then(|| with(record, [record.flags(), record.services(), regexp], "."))
                .flatten();
            found.add(Code::RegexpAndReplacement, Field::Record, what, mend).fixed(fixed);
        }
        (false, true) if gives_uri => {
            let what = "Flag u says that the record gives a URI, but it has a replacement, which is a name (RFC 3824 §5.2).";
            found.add(
                Code::TerminalReplacement,
                Field::Replacement,
                what,
                "Write the URI as regexp, as in !^.*$!sip:info@example.com!, and . as replacement.",
            );
        }
        (true, false) if flags.is_empty() && application == Application::Enum => {
            let what = "Without a flag the record leads on to its replacement, which is empty; the regexp is ignored (RFC 6116 §5.2.1).";
            // Nobody uses it as it is, and an enumservice with a rule is a terminal record that lacks its flag.
            let fixed = (!record.services().is_empty() && Substitution::parse(regexp).is_ok())
                .then(|| with_flags(record, b"u"))
                .flatten();
            found
                .add(Code::NonterminalNowhere, Field::Flags, what, "Write flag u if the regexp gives a URI.")
                .fixed(fixed);
        }
        (true, false)
            if !gives_uri && matches!(application, Application::Sip | Application::Straightforward) =>
        {
            let what =
                "This application takes the replacement and never the regexp (RFC 3263 §4.1, RFC 3958 §2.2).";
            found.add(
                Code::RegexpUnused,
                Field::Regexp,
                what,
                "Write the name as replacement and leave the regexp empty.",
            );
        }
        _ => {}
    }
    if application == Application::Enum && flags.is_empty() && has_replacement {
        let what = "The record leads on to another name, which not all ENUM clients follow (RFC 6116 §5.1).";
        found.add(
            Code::Nonterminal,
            Field::Replacement,
            what,
            "Publish the records of that name here if you can.",
        );
    }
}
