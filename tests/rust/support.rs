//! What the tests share: small plans, names and messages put together octet by octet.
//!
//! Names and messages are not built by the core's own code: a test that did so would believe it.

use std::sync::Arc;

use numdip_core::dns::{MAX_MESSAGE, Transport};
use numdip_core::number::Number;
use numdip_core::plan::{PlanBuilder, Policy, PortedFields, RangeFields};
use numdip_core::respond::{Responder, Settings};
use numdip_core::snapshot::{Snapshot, writer};

//----------- Numbers and plans ----------------------------------------------

/// The number with these digits.
pub(crate) fn number(digits: &str) -> Number {
    Number::from_digits(digits.as_bytes()).unwrap()
}

/// A range row; `lengths` are the fewest and the most digits.
pub(crate) fn range<'a>(prefix: &'a str, lengths: [&'a str; 2], [mcc, mnc]: [&'a str; 2]) -> RangeFields<'a> {
    RangeFields { prefix, min_length: lengths[0], max_length: lengths[1], mcc, mnc, ..RangeFields::default() }
}

/// A ported-number row.
pub(crate) fn ported<'a>(number: &'a str, [mcc, mnc]: [&'a str; 2]) -> PortedFields<'a> {
    PortedFields { number, mcc, mnc, ..PortedFields::default() }
}

/// The octets of a snapshot of these rows; its meta text is `{}`.
pub(crate) fn snapshot_octets(ranges: &[RangeFields<'_>], ported: &[PortedFields<'_>]) -> Vec<u8> {
    let mut builder = PlanBuilder::new(Policy::default());
    builder.begin_file("ranges.csv");
    for (line, row) in (2..).zip(ranges) {
        builder.add_range(line, row);
    }
    builder.begin_file("ported.csv");
    for (line, row) in (2..).zip(ported) {
        builder.add_ported(line, row).unwrap();
    }
    let (sections, _) = builder.finish("{}").unwrap();
    let mut octets = Vec::new();
    writer::write(&sections, &mut octets).unwrap();
    octets
}

/// An open snapshot of these rows.
pub(crate) fn snapshot(ranges: &[RangeFields<'_>], ported: &[PortedFields<'_>]) -> Arc<Snapshot> {
    Arc::new(Snapshot::from_octets(snapshot_octets(ranges, ported)).unwrap())
}

//----------- Messages -------------------------------------------------------

/// A name on the wire: these labels and the root label.
pub(crate) fn wire_name<L: AsRef<[u8]>>(labels: &[L]) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in labels {
        wire.push(u8::try_from(label.as_ref().len()).unwrap());
        wire.extend_from_slice(label.as_ref());
    }
    wire.push(0);
    wire
}

/// The name that the number with these digits is published under; `apex` without escapes.
pub(crate) fn owner(digits: &str, apex: &str) -> Vec<u8> {
    let mut labels: Vec<Vec<u8>> = digits.bytes().rev().map(|digit| vec![digit]).collect();
    labels.extend(apex.split('.').filter(|label| !label.is_empty()).map(|label| label.as_bytes().to_vec()));
    wire_name(&labels)
}

/// A message in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    /// Questions, answers, authority and additional records, as the header announces them.
    pub(crate) counts: [u16; 4],
    /// What follows the header.
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// A query for the NAPTR records of the name with these octets, as `dig +noedns` sends it.
    pub(crate) fn query(name: &[u8]) -> Self {
        Self { id: 0x2528, flags: 0x0100, counts: [1, 0, 0, 0], body: [name, &[0, 35, 0, 1]].concat() }
    }

    /// The query with an OPT record.
    pub(crate) fn with_opt(mut self, opt: &Opt) -> Self {
        self.counts[3] += 1;
        self.body.extend(opt.octets());
        self
    }

    /// The query with another additional record: this type, and data that go with it.
    pub(crate) fn with_additional(mut self, rtype: u16, class: u16, data: &[u8]) -> Self {
        self.counts[3] += 1;
        self.body.push(0);
        self.body.extend([rtype, class].into_iter().flat_map(u16::to_be_bytes));
        self.body.extend([0; 4]);
        self.body.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        self.body.extend(data);
        self
    }

    /// The query with a TSIG record whose key nobody knows (RFC 8945 §4.2).
    pub(crate) fn signed(self) -> Self {
        let mut data = wire_name(&["hmac-sha256"]);
        // Time signed, fudge, MAC size and MAC, original id, error, no other data.
        data.extend([0, 0, 0x65, 0, 0, 0, 1, 44, 0, 32]);
        data.extend([0xa5; 32]);
        data.extend(self.id.to_be_bytes());
        data.extend([0; 4]);
        self.with_additional(250, 255, &data)
    }

    /// The octets.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let words = [self.id, self.flags].into_iter().chain(self.counts);
        words.flat_map(u16::to_be_bytes).chain(self.body.iter().copied()).collect()
    }
}

/// An OPT record (RFC 6891 §6.1.2).
#[derive(Clone, Debug)]
pub(crate) struct Opt {
    pub(crate) udp_size: u16,
    pub(crate) extended_rcode: u8,
    pub(crate) version: u8,
    pub(crate) flags: u16,
    /// Options as they stand in the record.
    pub(crate) data: Vec<u8>,
}

impl Opt {
    /// One that says nothing but this size.
    pub(crate) fn of_size(udp_size: u16) -> Self {
        Self { udp_size, extended_rcode: 0, version: 0, flags: 0, data: Vec::new() }
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut octets = vec![0, 0, 41];
        octets.extend(self.udp_size.to_be_bytes());
        octets.extend([self.extended_rcode, self.version]);
        octets.extend(self.flags.to_be_bytes());
        octets.extend(u16::try_from(self.data.len()).unwrap().to_be_bytes());
        octets.extend(&self.data);
        octets
    }
}

//----------- Responses ------------------------------------------------------

/// A responder for this snapshot.
pub(crate) fn responder(snapshot: &Arc<Snapshot>, settings: Settings) -> Responder {
    Responder::new(Arc::clone(snapshot), settings).unwrap()
}

/// What `responder` answers to a permitted client.
pub(crate) fn ask(responder: &Responder, request: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let mut out = vec![0xee; MAX_MESSAGE];
    let length = responder.respond(request, true, transport, &mut out)?;
    out.truncate(length);
    Some(out)
}

/// The response code of a response, OPT's part of it included.
pub(crate) fn rcode(response: &[u8]) -> u16 {
    let message = hickory_proto::op::Message::from_vec(response).unwrap();
    message.response_code().into()
}

//----------- Hexadecimal ----------------------------------------------------

/// The octets that `text` spells.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let octet = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(octet).collect()
}

/// Octets as text, for messages of failed tests that are compared to vectors.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
