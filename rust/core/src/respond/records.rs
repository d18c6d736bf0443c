//! Each network's answer, encoded once: a hit copies octets.

use prefetch_index::prefetch_index;

use super::number_marks::{LONGEST, MARK, filled};
use super::settings::{Partial, RecordSettings, Settings, SettingsError};
use super::template::{Placeholder, Template};
use crate::ddds::Substitution;
use crate::dns::TYPE_NAPTR;
use crate::naptr::{MAX_STRING, Naptr};
use crate::snapshot::record_sets::{Record, put_record};
use crate::snapshot::{NetworkRow, View};
use crate::uri;

//----------- Records --------------------------------------------------------

/// The encoded answers of a snapshot's networks.
#[derive(Debug)]
pub(super) struct Records {
    /// Answers back to back.
    octets: Vec<u8>,
    /// Where the answer of the network with this index ends; the one before it is where it starts.
    ends: Vec<End>,
}

/// The end of an answer, and what is in it.
#[derive(Clone, Copy, Debug)]
struct End {
    at: u32,
    count: u16,
    marks: u16,
}

/// The encoded answer of a network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    /// Its records, by order and preference.
    pub(super) octets: &'a [u8],
    /// How many they are.
    pub(super) count: u16,
    /// How many [marks](super::number_marks) for the number are in them.
    pub(super) marks: u16,
}

impl Records {
    /// Encodes the answer of every network that `view` knows.
    pub(super) fn new(view: &View<'_>, settings: &Settings) -> Result<Self, SettingsError> {
        let makers = makers(settings)?;
        let mut records = Self { octets: Vec::new(), ends: Vec::new() };
        for network in view.all_networks() {
            let (mut made, mut marks): (Vec<Vec<u8>>, u16) = (Vec::new(), 0);
            if let Some(known) = Known::of(network, view, settings.partial) {
                for maker in &makers {
                    match maker.rdata(&known)? {
                        // Two that differ in a parameter that is left out are one (RFC 2181 §5).
                        Some((rdata, more)) if !made.contains(&rdata) => {
                            marks += more;
                            made.push(rdata);
                        }
                        _ => {}
                    }
                }
            }
            for rdata in &made {
                put_record(&mut records.octets, Record { rtype: TYPE_NAPTR, ttl: settings.ttl, rdata });
            }
            let at = u32::try_from(records.octets.len()).map_err(|_| SettingsError {
                key: "answer".to_owned(),
                what: "the answers of all networks together pass 4 GiB: shorten them".to_owned(),
            })?;
            records.ends.push(End { at, count: made.len() as u16, marks });
        }
        Ok(records)
    }

    /// Has the first octets of a network's answer fetched, two cache lines of 64 octets: most answers have not more.
    #[inline]
    pub(super) fn prefetch(&self, network: u32) {
        let before = (network as usize).checked_sub(1).and_then(|before| self.ends.get(before));
        let start = before.map_or(0, |before| before.at as usize);
        prefetch_index(&self.octets, start);
        prefetch_index(&self.octets, start + 64);
    }

    /// The answer of a network, or `None` if too little is known of it for one.
    #[inline]
    pub(super) fn answer(&self, network: u32) -> Option<Answer<'_>> {
        let network = network as usize;
        let End { at, count, marks } = *self.ends.get(network)?;
        let start = match network.checked_sub(1) {
            Some(before) => self.ends.get(before)?.at as usize,
            None => 0,
        };
        let octets = self.octets.get(start..at as usize).filter(|octets| !octets.is_empty())?;
        Some(Answer { octets, count, marks })
    }
}

//----------- Maker ----------------------------------------------------------

/// Makes one of the records of each answer.
#[derive(Debug)]
struct Maker {
    key: String,
    settings: RecordSettings,
    /// `None`: the record leads on.
    regexp: Option<Template>,
}

/// Those of an answer, in the order in which its records are sent.
fn makers(settings: &Settings) -> Result<Vec<Maker>, SettingsError> {
    let mut makers = Vec::new();
    for (key, settings) in settings.answer() {
        let key = format!("{key}.regexp");
        let regexp = match settings.regexp.as_str() {
            "" => None,
            text => Some(Template::parse(text).map_err(|what| SettingsError { key: key.clone(), what })?),
        };
        makers.push(Maker { key, settings, regexp });
    }
    // Stable: records that nothing tells apart stay in the order they are set in.
    makers.sort_by_key(|maker| (maker.settings.order, maker.settings.preference));
    Ok(makers)
}

impl Maker {
    /// The record's data for a network and how many marks are in it; `None` if it needs something unknown.
    fn rdata(&self, known: &Known<'_>) -> Result<Option<(Vec<u8>, u16)>, SettingsError> {
        let regexp = match &self.regexp {
            None => Vec::new(),
            Some(template) => match template.expand(|placeholder| known.value(placeholder)) {
                None => return Ok(None),
                Some(regexp) => regexp,
            },
        };
        let marks = regexp.iter().filter(|octet| **octet == MARK).count() as u16;
        let naptr = self.naptr(&regexp, known);
        let naptr = naptr.map_err(|what| SettingsError { key: self.key.clone(), what })?;
        Ok(Some((naptr.to_wire(), marks)))
    }

    fn naptr(&self, regexp: &[u8], known: &Known<'_>) -> Result<Naptr, String> {
        if self.regexp.is_some() {
            let longest = filled(regexp, LONGEST);
            if longest.len() > MAX_STRING {
                let (octets, operator) = (longest.len(), known.operator().unwrap_or_default());
                return Err(format!(
                    "{octets} octets for operator {operator:?}, at most {MAX_STRING} fit in the record: \
                     shorten it or the operator's name in the plan"
                ));
            }
            Substitution::parse(&longest)
                .map_err(|fault| format!("\"{}\" is no rule: {fault}", longest.escape_ascii()))?;
        }
        self.settings.naptr(regexp)
    }
}

//----------- Known ----------------------------------------------------------

/// What is known of a network.
#[derive(Clone, Copy, Debug)]
struct Known<'a> {
    network: &'a NetworkRow,
    view: &'a View<'a>,
    mcc: &'a str,
    mnc: Option<&'a str>,
}

impl<'a> Known<'a> {
    /// `None` if it is too little for an answer.
    fn of(network: &'a NetworkRow, view: &'a View<'a>, partial: Partial) -> Option<Self> {
        let (mcc, mnc) = (network.mcc()?, network.mnc());
        (mnc.is_some() || partial == Partial::Answer).then_some(Self { network, view, mcc, mnc })
    }

    fn operator(&self) -> Option<&'a str> {
        self.view.text(self.network.operator)
    }

    /// What stands in a regexp for a placeholder.
    fn value(&self, placeholder: Placeholder) -> Option<String> {
        let encoded = |id| self.view.text(id).map(uri::encode);
        match placeholder {
            Placeholder::Number => Some(char::from(MARK).to_string()),
            Placeholder::Mcc => Some(self.mcc.to_owned()),
            Placeholder::Mnc => self.mnc.map(str::to_owned),
            // 3GPP TS 23.003 pads an MNC of two digits on the left.
            Placeholder::Mnc3 => self.mnc.map(|mnc| format!("{mnc:0>3}")),
            Placeholder::Spid => encoded(self.network.spid),
            Placeholder::Rn => encoded(self.network.rn),
            Placeholder::RnContext => encoded(self.network.rn_context),
            Placeholder::Operator => encoded(self.network.operator),
        }
    }
}
