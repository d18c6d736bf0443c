//! Each network's answer record, encoded once: a hit copies octets.

use super::settings::{Partial, Settings, SettingsError};
use crate::ddds::Substitution;
use crate::dns::TYPE_NAPTR;
use crate::plan::fields::{MAX_RN, MAX_RN_CONTEXT, MAX_SPID};
use crate::snapshot::record_sets::{Record, put_record};
use crate::snapshot::{NetworkRow, View};
use crate::uri;

//----------- Records --------------------------------------------------------

/// The encoded answers of a snapshot's networks.
#[derive(Debug)]
pub(super) struct Records {
    settings: Settings,
    template: Template,
    /// Answer records back to back.
    octets: Vec<u8>,
    /// Where the record of the network with this index ends; the one before it is where it starts.
    ends: Vec<u32>,
}

impl Records {
    /// Encodes the answer of every network that `view` knows.
    pub(super) fn new(view: &View<'_>, settings: Settings) -> Result<Self, SettingsError> {
        let fault = |what| SettingsError { key: "answer.regexp", what };
        let template = Template::parse(&settings.regexp).map_err(fault)?;
        let mut records = Self { settings, template, octets: Vec::new(), ends: Vec::new() };
        for network in view.all_networks() {
            if let Some(regexp) = records.regexp(view, network) {
                let naptr = records.settings.naptr(&regexp).map_err(fault)?;
                records.push(&naptr.to_wire()).map_err(fault)?;
            }
            records.ends.push(records.octets.len() as u32);
        }
        Ok(records)
    }

    /// The encoded record of a network, or `None` if too little is known of it for an answer.
    #[inline]
    pub(super) fn encoded(&self, network: u32) -> Option<&[u8]> {
        let network = network as usize;
        let end = *self.ends.get(network)? as usize;
        let start = match network.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        self.octets.get(start..end).filter(|record| !record.is_empty())
    }

    fn push(&mut self, rdata: &[u8]) -> Result<(), String> {
        put_record(&mut self.octets, Record { rtype: TYPE_NAPTR, ttl: self.settings.ttl, rdata });
        match u32::try_from(self.octets.len()) {
            Ok(_) => Ok(()),
            Err(_) => Err("the answers of all networks together pass 4 GiB: shorten it".to_owned()),
        }
    }

    /// The answer's regexp for a network, or `None` if too little is known of it.
    fn regexp(&self, view: &View<'_>, network: &NetworkRow) -> Option<Vec<u8>> {
        let mcc = network.mcc()?;
        let mnc = network.mnc();
        if mnc.is_none() && self.settings.partial == Partial::NxDomain {
            return None;
        }
        self.template.expand(|placeholder| match placeholder {
            Placeholder::Mcc => Some(mcc.to_owned()),
            Placeholder::Mnc => mnc.map(str::to_owned),
            // 3GPP TS 23.003 pads an MNC of two digits on the left.
            Placeholder::Mnc3 => mnc.map(|mnc| format!("{mnc:0>3}")),
            Placeholder::Spid => view.text(network.spid).map(uri::encode),
            Placeholder::Rn => view.text(network.rn).map(uri::encode),
            Placeholder::RnContext => view.text(network.rn_context).map(uri::encode),
        })
    }
}

//----------- Template -------------------------------------------------------

/// A regexp with placeholders, split where parameters begin: a parameter whose value is unknown is
/// left out whole.
#[derive(Debug)]
pub(super) struct Template {
    /// The parts between semicolons up to the last delimiter; all but the first are parameters.
    parts: Vec<Vec<Piece>>,
    /// The last delimiter and the flags behind it.
    tail: Vec<u8>,
}

#[derive(Debug)]
enum Piece {
    Literal(Vec<u8>),
    Value(Placeholder),
}

#[derive(Clone, Copy, Debug)]
enum Placeholder {
    Mcc,
    Mnc,
    Mnc3,
    Spid,
    Rn,
    RnContext,
}

/// Every octet that a text's value may hold, but for some digits: 64.
const ALL_OCTETS: &str = "+-._0123ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz4567";

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let octets = text.as_bytes();
        let last = octets.first().and_then(|delimiter| octets.iter().rposition(|octet| octet == delimiter));
        let (body, tail) = text.split_at_checked(last.unwrap_or(0)).unwrap_or((text, ""));
        let parts = body.split(';').map(pieces).collect::<Result<_, _>>()?;
        Ok(Self { parts, tail: tail.as_bytes().to_vec() })
    }

    /// Checks that the template makes a valid rule of the longest values that a plan may have, so no
    /// plan can make it an invalid one.
    pub(super) fn check(&self) -> Result<(), String> {
        let longest = |octets| ALL_OCTETS.chars().cycle().take(octets).collect();
        let sample = |placeholder| match placeholder {
            Placeholder::Mcc => "310".to_owned(),
            Placeholder::Mnc | Placeholder::Mnc3 => "012".to_owned(),
            Placeholder::Spid => longest(MAX_SPID),
            Placeholder::Rn => longest(MAX_RN),
            Placeholder::RnContext => longest(MAX_RN_CONTEXT),
        };
        let regexp = self.expand(|placeholder| Some(sample(placeholder))).unwrap_or_default();
        let rule = Substitution::parse(&regexp)
            .map_err(|fault| format!("\"{}\" is no rule: {fault}", regexp.escape_ascii()))?;
        // No URI has them (RFC 3986 §2), so one that is left over was meant to be a placeholder's.
        if rule.replacement.iter().any(|octet| matches!(octet, b'{' | b'}')) {
            return Err(format!("\"{}\" has a brace that belongs to no placeholder", regexp.escape_ascii()));
        }
        match regexp.len() {
            ..=crate::naptr::MAX_STRING => Ok(()),
            octets => {
                let longest = "once filled in with the longest values that a plan may have";
                Err(format!("{octets} octets {longest}, at most 255 fit in the record: shorten it"))
            }
        }
    }

    /// Fills in the values; `None` if one that is not a parameter's is unknown.
    fn expand(&self, value: impl Fn(Placeholder) -> Option<String>) -> Option<Vec<u8>> {
        let mut regexp = Vec::new();
        for (place, pieces) in self.parts.iter().enumerate() {
            let mut part = Vec::new();
            let mut known = true;
            for piece in pieces {
                match piece {
                    Piece::Literal(octets) => part.extend_from_slice(octets),
                    Piece::Value(placeholder) => match value(*placeholder) {
                        Some(text) => part.extend_from_slice(text.as_bytes()),
                        None => known = false,
                    },
                }
            }
            match (place, known) {
                (0, true) => regexp.extend_from_slice(&part),
                (0, false) => return None,
                (_, true) => {
                    regexp.push(b';');
                    regexp.extend_from_slice(&part);
                }
                (_, false) => {}
            }
        }
        regexp.extend_from_slice(&self.tail);
        Some(regexp)
    }
}

/// Splits text at its `{placeholders}`. A brace that starts no name is a repeat of the expression,
/// as in `[0-9]{4}`.
fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut literal = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        literal.push_str(before);
        rest = after;
        let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let Some(closed) = after.strip_prefix(name.as_str()).and_then(|after| after.strip_prefix('}')) else {
            literal.push('{');
            continue;
        };
        if name.bytes().all(|octet| octet.is_ascii_digit()) {
            literal.push('{');
            continue;
        }
        let placeholder = match name.as_str() {
            "mcc" => Placeholder::Mcc,
            "mnc" => Placeholder::Mnc,
            "mnc3" => Placeholder::Mnc3,
            "spid" => Placeholder::Spid,
            "rn" => Placeholder::Rn,
            "rn_context" => Placeholder::RnContext,
            _ => {
                return Err(format!(
                    "{{{name}}} is no placeholder: use {{mcc}} {{mnc}} {{mnc3}} {{spid}} {{rn}} {{rn_context}}"
                ));
            }
        };
        pieces.push(Piece::Literal(std::mem::take(&mut literal).into_bytes()));
        pieces.push(Piece::Value(placeholder));
        rest = closed;
    }
    literal.push_str(rest);
    pieces.push(Piece::Literal(literal.into_bytes()));
    Ok(pieces)
}
