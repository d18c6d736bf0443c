//! The hot path allocates nothing: counted, in a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panic"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use numdip_core::answer;
use numdip_core::apex::Apex;
use numdip_core::dns::Transport;
use numdip_core::number::{Form, Number};
use numdip_core::plan::{PlanBuilder, Policy, PortedFields, RangeFields};
use numdip_core::respond::batch::Asked;
use numdip_core::respond::settings::RecordSettings;
use numdip_core::respond::{Responder, Settings};
use numdip_core::snapshot::{Snapshot, writer};

//----------- Counting -------------------------------------------------------

thread_local! {
    /// How often this thread asked for memory; other threads of the test program do not count.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts.
struct Counting;

fn count() {
    // While a thread ends its variables are gone; what it does then is nobody's test.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

#[allow(unsafe_code, reason = "the interface of allocators is unsafe")]
// SAFETY: every method hands its arguments to the system's allocator as they are and gives back what
// that gave, so its contract is ours. Counting neither allocates (the variable is initialised when
// compiled and has no destructor) nor panics, and touches no memory but its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, octets: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`, and `octets` came from `System`.
        unsafe { System.realloc(octets, layout, new_size) }
    }

    unsafe fn dealloc(&self, octets: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `octets` came from `System`.
        unsafe { System.dealloc(octets, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `work` and gives what it gave and how many allocations it made.
fn counted<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = COUNT.get();
    let result = work();
    (result, COUNT.get() - before)
}

#[test]
fn allocations_are_counted() {
    let (text, allocations) = counted(|| {
        let mut text = std::hint::black_box(String::from("one"));
        text.push_str(&"and another".repeat(100));
        text
    });
    assert!(allocations >= 2 && text.len() > 100, "{allocations}");
    assert_eq!(0, counted(|| std::hint::black_box(7) + 1).1);
}

//----------- The hot path ---------------------------------------------------

fn plan() -> Arc<Snapshot> {
    let mut builder = PlanBuilder::new(Policy::default());
    for (line, (prefix, mnc)) in (1..).zip([("1339298", "012"), ("44", "")]) {
        let row = RangeFields {
            prefix,
            max_length: "12",
            mcc: "310",
            mnc,
            operator: "Example",
            ..RangeFields::default()
        };
        builder.add_range(line, &row);
    }
    let ported =
        PortedFields { number: "13392986157", mcc: "234", mnc: "15", rn: "+1404", ..PortedFields::default() };
    builder.add_ported(1, &ported).unwrap();
    let (sections, _) = builder.finish("{}").unwrap();
    let mut octets = Vec::new();
    writer::write(&sections, &mut octets).unwrap();
    Arc::new(Snapshot::from_octets(octets).unwrap())
}

/// A query for this name and type, with an OPT record if `edns`.
fn query(name: &str, rtype: u8, edns: bool) -> Vec<u8> {
    let mut octets = vec![0x25, 0x28, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
    for label in name.split('.') {
        octets.push(label.len() as u8);
        octets.extend(label.bytes());
    }
    octets.extend([0, 0, rtype, 0, 1]);
    if edns {
        octets.extend([0, 0, 41, 4, 0xd0, 0, 0, 0x80, 0, 0, 4, 0, 10, 0, 0]);
    }
    octets
}

#[test]
fn respond_allocates_nothing() {
    const HIT: &str = "6.5.1.6.8.9.2.9.3.3.1.e164.arpa";
    let plan = plan();
    let apexes = ["e164.arpa", "enum.example"].map(|apex| Apex::new(apex).unwrap()).to_vec();
    for apexes in [apexes, Settings::default().apexes] {
        let responder =
            Responder::new(Arc::clone(&plan), Settings { apexes, ..Settings::default() }).unwrap();
        for (name, rtype, rcode) in [
            (HIT, 35, 0),
            ("7.5.1.6.8.9.2.9.3.3.1.E164.ARPA", 35, 0),
            ("9.9.9.e164.arpa", 35, 3),
            ("8.4.1.0.6.4.9.7.0.2.4.4.e164.arpa", 35, 3),
            ("1.6.5.1.6.8.9.2.9.3.3.1.e164.arpa", 35, 0),
            ("1.1.1.6.5.1.6.8.9.2.9.3.3.1.e164.arpa", 35, 3),
            (HIT, 1, 2),
            ("x.4.4.e164.arpa", 35, 2),
            ("1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.e164.arpa", 35, 2),
            ("e164.arpa", 35, 2),
            ("example.com", 35, 2),
        ] {
            for (edns, permitted, transport) in [
                (false, true, Transport::Udp),
                (true, true, Transport::Udp),
                (true, true, Transport::Tcp),
                (true, false, Transport::Udp),
            ] {
                let request = query(name, rtype, edns);
                let mut out = [0; 1232];
                let (length, allocations) =
                    counted(|| responder.respond(&request, permitted, transport, &mut out));
                assert!(length.is_some());
                assert_eq!(if permitted { rcode } else { 5 }, out[3], "{name} {rtype}");
                assert_eq!(0, allocations, "{name} type {rtype}, OPT: {edns}, permitted: {permitted}");
                let mut asked = [Asked::new(&request, permitted); 70];
                let (again, allocations) = counted(|| {
                    let session = responder.session();
                    session.look_up(&mut asked);
                    session.respond_to(&asked[69], transport, &mut out)
                });
                assert_eq!((length, 0), (again, allocations), "{name} type {rtype}, OPT: {edns}, in a batch");
            }
        }
        // What is dropped, and BADVERS.
        let mut out = [0; 1232];
        assert_eq!((None, 0), counted(|| responder.respond(b"short", true, Transport::Udp, &mut out)));
        let mut bad_version = query(HIT, 35, true);
        let at = bad_version.len() - 9;
        bad_version[at] = 1;
        let (length, allocations) =
            counted(|| responder.respond(&bad_version, true, Transport::Udp, &mut out));
        let length = length.unwrap();
        assert_eq!((1, 0), (out[length - 6], allocations), "the high bits of BADVERS");
    }
}

#[test]
fn several_records_with_the_number_in_them_allocate_nothing() {
    let record = |preference, regexp: &str| RecordSettings {
        preference,
        regexp: regexp.to_owned(),
        ..RecordSettings::with_flags("u")
    };
    let records = vec![
        record(1, "!^.*$!sip:{number}@gw.example;user=phone!"),
        record(2, r"!^(.*)$!tel:\1;npdi;rn={rn}!"),
        record(3, "!^.*$!data:,{number}{number}{number}{number}{number}{number}{number}{number}!"),
        RecordSettings { replacement: "enum.example".to_owned(), ..RecordSettings::with_flags("") },
    ];
    let responder = Responder::new(plan(), Settings { records, ..Settings::default() }).unwrap();
    // The second has a routing number.
    for (name, octets) in [("6.5.1.6.8.9.2.9.3.3.1.e164.arpa", 355), ("7.5.1.6.8.9.2.9.3.3.1.e164.arpa", 364)]
    {
        for (edns, transport) in [(false, Transport::Udp), (true, Transport::Udp), (true, Transport::Tcp)] {
            let request = query(name, 35, edns);
            let mut out = [0; 1232];
            let (length, allocations) = counted(|| responder.respond(&request, true, transport, &mut out));
            assert_eq!((Some(octets + if edns { 11 } else { 0 }), 0), (length, allocations), "{name}");
            assert_eq!((0, 4), (out[2] & 2, out[7]), "not cut, four records");
        }
    }
}

#[test]
fn a_dip_allocates_nothing() {
    let plan = plan();
    for (text, found) in
        [("+13392986156", true), ("+1 339 298 6157", true), ("tel:+442079460148", true), ("+999", false)]
    {
        let (is_found, allocations) = counted(|| {
            let number = Number::parse(text, Form::Strict).unwrap();
            let view = plan.view();
            answer::find(&view, number).ok().is_some_and(|answer| answer.network.mcc().is_some())
        });
        assert_eq!((found, 0), (is_found, allocations), "{text}");
    }
}
