//! Request octets → response octets: the whole protocol behaviour, with no socket and no clock.
//!
//! ```text
//! request ─┬─ common shape ── dns::query ────┐                ┌─ dns::response ──┬─ response
//!          └─ anything else ─ hickory-proto ─┴─ judge ── dip ─┴─ hickory-proto ──┘
//! ```
//!
//! - [`settings`]: what an operator sets, checked once
//! - [`template`]: regexps with placeholders
//! - [`records`]: each network's answer, encoded once
//! - [`number_marks`]: the number that is asked for, put into encoded records
//! - [`names`]: the plan's records of names that stand for no number
//! - [`library`]: the path for messages of any shape
//! - [`batch`]: requests that came together, looked up side by side
//!
//! This file holds the hot path and the judgement that both paths share. The hot path allocates
//! nothing. Both give the same octets wherever both apply; a property test holds them to it.

pub mod batch;
pub mod library;
mod names;
mod number_marks;
pub mod records;
pub mod settings;
mod template;

use std::sync::Arc;

use crate::answer::{self, Published};
use crate::apex::{Apex, OwnerFault};
use crate::dns::query::{Head, Query, Question};
use crate::dns::response::Response;
use crate::dns::{CLASS_IN, Rcode, TYPE_NAPTR};
pub use crate::dns::{MAX_MESSAGE, MAX_UDP_LIMIT as MAX_UDP_RESPONSE, Transport};
use crate::number::NumberError;
use crate::snapshot::record_sets::{RecordSet, RecordSets};
use crate::snapshot::{Snapshot, View};
use names::Names;
use records::{Answer, Records};
pub use settings::{Partial, Profile, Settings, SettingsError};

//----------- Responder ------------------------------------------------------

/// Answers ENUM queries from one snapshot under one set of settings. Immutable: share it in an `Arc`.
#[derive(Debug)]
pub struct Responder {
    snapshot: Arc<Snapshot>,
    apexes: Vec<Apex>,
    records: Records,
    names: Names,
}

/// What a question is answered with.
#[derive(Clone, Copy, Debug)]
struct Judgement<'a> {
    rcode: Rcode,
    /// The encoded records of the answer and how many they are; some with [`Rcode::NoError`] only.
    answers: &'a [u8],
    answer_count: u16,
    /// How many [marks](number_marks) for the number are in them.
    marks: u16,
}

impl Responder {
    /// A responder; every network's answer is encoded here, so bad settings show now.
    pub fn new(snapshot: Arc<Snapshot>, settings: Settings) -> Result<Self, SettingsError> {
        if let Some(fault) = settings.faults().into_iter().next() {
            return Err(fault);
        }
        let records = Records::new(&snapshot.view(), &settings)?;
        let names = Names::new(&snapshot.records());
        Ok(Self { snapshot, apexes: settings.apexes, records, names })
    }

    /// The snapshot that answers come from.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// What answers for numbers of the network with this index, and whether it names the number, so that it is
    /// another answer for each; `None` if too little is known of the network.
    pub fn network_answer(&self, network: u32) -> Option<(RecordSet<'_>, bool)> {
        let Answer { octets, marks, .. } = self.records.answer(network)?;
        Some((RecordSet::of(octets), marks > 0))
    }

    /// The responder made ready for a batch of requests.
    #[inline]
    pub fn session(&self) -> Session<'_> {
        Session { responder: self, view: self.snapshot.view(), sets: self.snapshot.records() }
    }

    /// Responds to one request; see [`Session::respond`].
    #[inline]
    pub fn respond(
        &self,
        request: &[u8],
        permitted: bool,
        transport: Transport,
        out: &mut [u8],
    ) -> Option<usize> {
        self.session().respond(request, permitted, transport, out)
    }

    /// The same as [`respond`](Self::respond) by way of hickory-proto alone: slower, and the measure
    /// of what `respond` may say.
    pub fn respond_by_library(
        &self,
        request: &[u8],
        permitted: bool,
        transport: Transport,
        out: &mut [u8],
    ) -> Option<usize> {
        library::respond(self, &Head::of_request(request)?, request, permitted, transport, out)
    }

    /// Judges a well-formed question of a client that may ask, by profile `number-lookup`.
    #[inline]
    fn judge<'a>(
        &'a self,
        view: &View<'a>,
        sets: &RecordSets<'a>,
        name: &[u8],
        rtype: u16,
        class: u16,
    ) -> Judgement<'a> {
        if class != CLASS_IN {
            return Judgement::of(Rcode::ServFail);
        }
        let fault = match self.number(name) {
            Ok(number) if rtype == TYPE_NAPTR => {
                return match answer::published(view, sets, number) {
                    Ok(Published::Network(answer)) => self.by_network(answer.network_index),
                    Ok(Published::Records(set)) => Judgement::with(set),
                    Err(answer::Miss::Damaged) => Judgement::of(Rcode::ServFail),
                    Err(_) => Judgement::of(Rcode::NxDomain),
                };
            }
            Ok(_) => None,
            Err(fault) => Some(fault),
        };
        match (self.names.find(name, rtype), fault) {
            (Some(index), _) => match index.map(|index| sets.set(index)) {
                Some(Some(set)) => Judgement::with(set),
                Some(None) => Judgement::of(Rcode::ServFail),
                // The name is there, with records of other types (RFC 2308 §2.2).
                None => Judgement::of(Rcode::NoError),
            },
            // 1 to 15 digits, so well formed, but no country code starts with 0.
            (None, Some(OwnerFault::Number(NumberError::LeadingZero))) if rtype == TYPE_NAPTR => {
                Judgement::of(Rcode::NxDomain)
            }
            (None, _) => Judgement::of(Rcode::ServFail),
        }
    }

    /// What a number is answered with that this network serves.
    #[inline]
    fn by_network(&self, network: u32) -> Judgement<'_> {
        match self.records.answer(network) {
            Some(answer) => Judgement::found(answer),
            None => Judgement::of(Rcode::NxDomain),
        }
    }

    /// The number that `name` stands for under any of the apexes.
    #[inline]
    fn number(&self, name: &[u8]) -> Result<crate::number::Number, OwnerFault> {
        let mut fault = OwnerFault::NotUnderApex;
        for apex in &self.apexes {
            match apex.number(name) {
                Err(OwnerFault::NotUnderApex) => {}
                Err(other) => fault = other,
                Ok(number) => return Ok(number),
            }
        }
        Err(fault)
    }
}

//----------- Session --------------------------------------------------------

/// A responder with its snapshot's sections at hand: finding them costs a tenth of a response, so take one
/// for a batch.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    responder: &'a Responder,
    view: View<'a>,
    sets: RecordSets<'a>,
}

impl Session<'_> {
    /// Writes the response to `request` into `out` and gives its length.
    ///
    /// `permitted` is what the access list says about the source; a stranger gets REFUSED, whatever
    /// the request is. `out` must have room for [`MAX_UDP_RESPONSE`] octets for a request that came
    /// over UDP and [`MAX_MESSAGE`] over TCP. `None`: the request is dropped in silence, since it is
    /// shorter than a header or a response itself.
    #[inline]
    pub fn respond(
        &self,
        request: &[u8],
        permitted: bool,
        transport: Transport,
        out: &mut [u8],
    ) -> Option<usize> {
        let head = Head::of_request(request)?;
        let Some(query) = Query::read(&head, request) else {
            return library::respond(self.responder, &head, request, permitted, transport, out);
        };
        let judgement = match query.edns {
            _ if !permitted => Judgement::of(Rcode::Refused),
            // A version that we do not speak (RFC 6891 §6.1.3) comes before the question.
            Some(edns) if edns.version > 0 => Judgement::of(Rcode::BadVers),
            _ => {
                let Question { name, rtype, class, .. } = query.question;
                self.responder.judge(&self.view, &self.sets, name, rtype, class)
            }
        };
        self.write(request, &query, judgement, transport, out)
    }

    /// Writes the response to a query of the common shape.
    #[inline]
    fn write(
        &self,
        request: &[u8],
        query: &Query<'_>,
        judgement: Judgement<'_>,
        transport: Transport,
        out: &mut [u8],
    ) -> Option<usize> {
        let Judgement { rcode, answers, answer_count, marks } = judgement;
        if marks > 0 {
            return self.respond_with_number(request, answers, [answer_count, marks], transport, out);
        }
        let response = Response {
            id: query.id,
            opcode: 0,
            rcode,
            question: Some(query.question.octets),
            answers,
            answer_count,
            edns: query.edns.is_some(),
        };
        response.write(transport.limit(query.edns.map(|edns| edns.udp_size)), out)
    }

    /// Responds with answers that have so many marks for the number that is asked for.
    ///
    /// Reads the request again: to hand over what was read would cost those answers that have none.
    #[cold]
    fn respond_with_number(
        &self,
        request: &[u8],
        answers: &[u8],
        [answer_count, marks]: [u16; 2],
        transport: Transport,
        out: &mut [u8],
    ) -> Option<usize> {
        let query = Query::read(&Head::of_request(request)?, request)?;
        let number = self.responder.number(query.question.name).ok()?;
        let response = Response {
            id: query.id,
            opcode: 0,
            rcode: Rcode::NoError,
            question: Some(query.question.octets),
            answers,
            answer_count,
            edns: query.edns.is_some(),
        };
        let octets = number_marks::filled_len(answers, marks, number);
        let put_answers = |room: &mut [u8]| number_marks::put_filled(answers, number, room);
        response.write_with(octets, put_answers, transport.limit(query.edns.map(|edns| edns.udp_size)), out)
    }
}

impl<'a> Judgement<'a> {
    fn of(rcode: Rcode) -> Self {
        Self { rcode, answers: &[], answer_count: 0, marks: 0 }
    }

    fn with(set: RecordSet<'a>) -> Self {
        Self { rcode: Rcode::NoError, answers: set.octets(), answer_count: set.count(), marks: 0 }
    }

    fn found(answer: Answer<'a>) -> Self {
        let Answer { octets, count, marks } = answer;
        Self { rcode: Rcode::NoError, answers: octets, answer_count: count, marks }
    }
}
