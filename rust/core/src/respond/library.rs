//! The path for messages of any shape: hickory-proto reads the request and writes the response.

use std::ops::Range;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query as LibraryQuery, ResponseCode};
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::{RData, Record};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, BinEncodable};

use super::{Judgement, Responder, number_marks};
use crate::dns::query::{Head, Question};
use crate::dns::response::Response;
use crate::dns::{HEADER, MAX_UDP_LIMIT, Rcode, TYPE_OPT, Transport};
use crate::naptr::Naptr;
use crate::snapshot::record_sets::{self, RecordSet};

/// Least octets of a question: root name, type, class.
const MIN_QUESTION: usize = 5;
/// Least octets of a record: root name, type, class, TTL, length.
const MIN_RECORD: usize = 11;

/// Writes the response to a request with this header; see [`Responder::respond`].
pub(super) fn respond(
    responder: &Responder,
    head: &Head,
    request: &[u8],
    permitted: bool,
    transport: Transport,
    out: &mut [u8],
) -> Option<usize> {
    match read(head, request) {
        Some(message) => respond_to_message(responder, &message, permitted, transport, out),
        None => respond_to_octets(head, request, permitted, transport, out),
    }
}

/// Reads a request with one plain question, to its last octet.
fn read(head: &Head, request: &[u8]) -> Option<Message> {
    let [questions, records @ ..] = head.counts.map(usize::from);
    // hickory-proto makes room for as many records as the header announces: do not let a dozen octets
    // ask for tens of megabytes.
    let least = questions * MIN_QUESTION + records.iter().sum::<usize>() * MIN_RECORD;
    if questions != 1 || least > request.len() {
        return None;
    }
    // It would also follow a compression pointer into the header.
    let (_, behind) = Question::read(request)?;
    let request = with_unknown_options(request, request.len() - behind.len())?;
    let mut decoder = BinDecoder::new(&request);
    let message = Message::read(&mut decoder).ok()?;
    decoder.is_empty().then_some(message)
}

/// The request, whose records begin at `start`, with all EDNS options made ones that nobody knows;
/// `None` if they do not fill their record.
///
/// Options are for profiles that need them and to be ignored otherwise (RFC 6891 §6.1.2). hickory-proto
/// would refuse a message for what some of them say, and let pass one that ends behind its record.
fn with_unknown_options(request: &[u8], start: usize) -> Option<Vec<u8>> {
    let mut octets = request.to_vec();
    let mut at = start;
    while let Some((rtype, data)) = record(&octets, at) {
        at = data.end;
        if rtype == TYPE_OPT {
            let mut options = octets.get_mut(data)?;
            while !options.is_empty() {
                let ([code1, code2, length1, length2], rest) = options.split_first_chunk_mut::<4>()?;
                // Reserved for good (RFC 6891 §9).
                [*code1, *code2] = [0xff; 2];
                options = rest.get_mut(usize::from(u16::from_be_bytes([*length1, *length2]))..)?;
            }
        }
    }
    Some(octets)
}

/// The type of the record that begins at `at`, and where its data would lie.
fn record(octets: &[u8], at: usize) -> Option<(u16, Range<usize>)> {
    let at = end_of_name(octets, at)?;
    let (&[t1, t2, _, _, _, _, _, _, l1, l2], _) = octets.get(at..)?.split_first_chunk::<10>()?;
    let start = at + 10;
    Some((u16::from_be_bytes([t1, t2]), start..start + usize::from(u16::from_be_bytes([l1, l2]))))
}

/// Answers a request that could be read.
fn respond_to_message(
    responder: &Responder,
    request: &Message,
    permitted: bool,
    transport: Transport,
    out: &mut [u8],
) -> Option<usize> {
    let question = request.query()?;
    let is_plain = request.op_code() == OpCode::Query
        && request.answers().is_empty()
        && request.name_servers().is_empty();
    let edns = request.extensions().as_ref();
    let Judgement { rcode, answers, marks, .. } = if !permitted {
        Judgement::of(Rcode::Refused)
    } else if !is_plain {
        Judgement::of(Rcode::ServFail)
    } else if edns.is_some_and(|edns| edns.version() > 0) {
        Judgement::of(Rcode::BadVers)
    } else {
        let name = question.name().to_bytes().ok()?;
        responder.judge(
            &responder.snapshot.view(),
            &responder.snapshot.records(),
            &name,
            question.query_type().into(),
            question.query_class().into(),
        )
    };

    let mut response = Message::new();
    response
        .set_id(request.id())
        .set_message_type(MessageType::Response)
        .set_op_code(request.op_code())
        .set_response_code(rcode.into());
    response.add_query(LibraryQuery::clone(question));
    let number = match marks {
        0 => None,
        _ => Some(responder.number(&question.name().to_bytes().ok()?).ok()?.aus()),
    };
    for record in RecordSet::of(answers).records() {
        let data = data(&record, number.as_deref())?;
        response.add_answer(Record::from_rdata(question.name().clone(), record.ttl, data));
    }
    if edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(MAX_UDP_LIMIT as u16).set_version(0);
        response.set_edns(edns);
    }
    let mut octets = response.to_bytes().ok()?;
    if octets.len() > transport.limit(edns.map(|edns| edns.max_payload())) {
        response.take_answers();
        octets = response.set_truncated(true).to_bytes().ok()?;
    }
    out.get_mut(..octets.len())?.copy_from_slice(&octets);
    Some(octets.len())
}

/// The data of a record as octets, since hickory-proto knows neither all types nor all names that records may hold;
/// with the number where its marks are.
fn data(record: &record_sets::Record<'_>, number: Option<&str>) -> Option<RData> {
    let rdata = match number {
        None => record.rdata.to_vec(),
        Some(number) => {
            let naptr = Naptr::from_wire(record.rdata).ok()?;
            let regexp = number_marks::filled(naptr.regexp(), number);
            let strings = [naptr.flags(), naptr.services(), regexp.as_slice()];
            Naptr::new(naptr.order(), naptr.preference(), strings, &naptr.replacement()).ok()?.to_wire()
        }
    };
    let rtype = record.rtype.into();
    Some(match rdata.is_empty() {
        true => RData::Update0(rtype),
        false => RData::Unknown { code: rtype, rdata: NULL::with(rdata) },
    })
}

/// Where the name that begins at `at` ends.
fn end_of_name(octets: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *octets.get(at)? {
            0 => return Some(at + 1),
            // A compression pointer ends a name.
            0xc0.. => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

/// Whether an OPT record can be made out in a request, however the rest of it may be.
fn has_opt(head: &Head, request: &[u8]) -> bool {
    let [questions, answers, authority, additional] = head.counts.map(usize::from);
    let mut at = (0..questions).try_fold(HEADER, |at, _| Some(end_of_name(request, at)? + MIN_QUESTION - 1));
    for place in 0..answers + authority + additional {
        let Some((rtype, data)) = at.and_then(|at| record(request, at)) else { return false };
        if rtype == TYPE_OPT && place >= answers + authority {
            return true;
        }
        at = Some(data.end);
    }
    false
}

/// Answers a request that could not be read: an improperly formatted one.
fn respond_to_octets(
    head: &Head,
    request: &[u8],
    permitted: bool,
    transport: Transport,
    out: &mut [u8],
) -> Option<usize> {
    let question = Question::read(request).filter(|_| head.counts[0] == 1);
    let response = Response {
        id: head.id,
        opcode: head.opcode,
        rcode: if permitted { Rcode::ServFail } else { Rcode::Refused },
        question: question.map(|(question, _)| question.octets),
        answers: &[],
        answer_count: 0,
        // A client whose message or OPT record is malformed speaks EDNS all the same (RFC 6891 §7).
        edns: has_opt(head, request),
    };
    response.write(transport.limit(None), out)
}

impl From<Rcode> for ResponseCode {
    fn from(rcode: Rcode) -> Self {
        match rcode {
            Rcode::NoError => Self::NoError,
            Rcode::ServFail => Self::ServFail,
            Rcode::NxDomain => Self::NXDomain,
            Rcode::Refused => Self::Refused,
            Rcode::BadVers => Self::BADVERS,
        }
    }
}
