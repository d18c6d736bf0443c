//! EDNS in requests and responses, and how large a response may be.

use hickory_proto::op;
use numdip_core::dns::Transport;
use numdip_core::respond::Settings;

use crate::respond::{BADVERS, BOTH, NOERROR, SERVFAIL, plan, record};
use crate::support::{Message, Opt, ask, owner, rcode, responder, unhex};

//----------- EDNS -----------------------------------------------------------

#[test]
fn opt_in_the_query_is_opt_in_the_response() {
    let responder = responder(&plan(), Settings::default());
    let opt = |change: fn(&mut Opt)| {
        let mut opt = Opt::of_size(1232);
        change(&mut opt);
        opt
    };
    let options = |text: &str| unhex(text);
    for (row, code, opt) in [
        ("nothing but a size", NOERROR, opt(|_| {})),
        ("DO and all other flags", NOERROR, opt(|opt| opt.flags = 0xffff)),
        ("an extended code", NOERROR, opt(|opt| opt.extended_rcode = 9)),
        ("version 1", BADVERS, opt(|opt| opt.version = 1)),
        ("version 255", BADVERS, opt(|opt| opt.version = 255)),
        ("a cookie", NOERROR, Opt { data: options("000a 0008 0102030405060708"), ..opt(|_| {}) }),
        ("NSID and padding", NOERROR, Opt { data: options("0003 0000 000c 0003 000000"), ..opt(|_| {}) }),
        ("client subnet", NOERROR, Opt { data: options("0008 0007 0001 18 00 c00002"), ..opt(|_| {}) }),
        ("client subnet of family 0", NOERROR, Opt { data: options("0008 0004 0000 00 00"), ..opt(|_| {}) }),
        ("client subnet cut short", NOERROR, Opt { data: options("0008 0001 00"), ..opt(|_| {}) }),
        ("half an option", SERVFAIL, Opt { data: options("0003 00"), ..opt(|_| {}) }),
        (
            "an option longer than the record",
            SERVFAIL,
            Opt { data: options("0064 0009 00000000"), ..opt(|_| {}) },
        ),
        (
            "an option a little longer than the record",
            SERVFAIL,
            Opt { data: options("0064 0005 00000000"), ..opt(|_| {}) },
        ),
    ] {
        let query = Message::query(&owner("13392986156", "e164.arpa"));
        // Alone, and beside a record that only the library reads.
        let alone = query.clone().with_opt(&opt).octets();
        let beside = query.with_opt(&opt).with_additional(1, 1, &[127, 0, 0, 1]).octets();
        for request in [alone, beside] {
            for transport in BOTH {
                let response = ask(&responder, &request, transport).unwrap();
                assert_eq!(code, rcode(&response), "{row}");
                let tail = &response[response.len() - 11..];
                let high = (code >> 4) as u8;
                assert_eq!(
                    [0, 0, 41, 0x04, 0xd0, high, 0, 0, 0, 0, 0],
                    tail,
                    "{row}: root, OPT, 1232, version 0"
                );
            }
        }
    }
}

#[test]
fn opt_counts_in_the_additional_section_alone() {
    let responder = responder(&plan(), Settings::default());
    let query = || Message::query(&owner("13392986156", "e164.arpa"));
    let counted = |counts, message: Message| Message { counts, ..message }.octets();
    let (opt, address) = (Opt::of_size(1232), [127, 0, 0, 1]);
    for (row, with_opt, request) in [
        ("behind what is announced", false, counted([1, 0, 0, 0], query().with_opt(&opt))),
        (
            "behind the one record announced",
            false,
            counted([1, 0, 0, 1], query().with_additional(1, 1, &address).with_opt(&opt)),
        ),
        ("as an answer", false, counted([1, 1, 0, 0], query().with_opt(&opt))),
        ("as an authority record", false, counted([1, 0, 1, 0], query().with_opt(&opt))),
        ("as an answer and octets behind", false, counted([1, 1, 0, 1], query().with_opt(&opt))),
        (
            "behind an answer",
            true,
            counted([1, 1, 0, 1], query().with_additional(1, 1, &address).with_opt(&opt)),
        ),
        ("twice", true, query().with_opt(&opt).with_opt(&opt).octets()),
        ("beside no question", true, {
            let mut message = query();
            (message.counts[0], message.body) = (0, Vec::new());
            message.with_opt(&opt).octets()
        }),
        ("beside two questions", true, {
            let mut message = query();
            message.counts[0] = 2;
            message.body.extend(message.body.clone());
            message.with_opt(&opt).octets()
        }),
        ("beside a compressed question", true, {
            let mut message = query();
            message.body = unhex("0131 c00c 0023 0001");
            message.with_opt(&opt).octets()
        }),
    ] {
        let response = ask(&responder, &request, Transport::Udp).unwrap();
        let message = op::Message::from_vec(&response).unwrap();
        assert_eq!((SERVFAIL, with_opt), (rcode(&response), message.extensions().is_some()), "{row}");
    }
}

/// Settings whose answer is larger than 512 octets and smaller than 1232.
fn large() -> Settings {
    Settings {
        services: "E2U".to_owned() + &"+x".repeat(126),
        regexp: format!("!^(.*)$!tel:\\1;x={}!", "y".repeat(230)),
        ..Settings::default()
    }
}

#[test]
fn a_record_too_large_for_udp_is_truncated_and_served_by_tcp() {
    let responder = responder(&plan(), large());
    let query = Message::query(&owner("13392986156", "e164.arpa"));
    let udp = ask(&responder, &query.octets(), Transport::Udp).unwrap();
    // The header with TC, and the question.
    assert_eq!([&unhex("2528 8200 0001 0000 0000 0000"), &query.body[..]].concat(), udp);
    let tcp = ask(&responder, &query.octets(), Transport::Tcp).unwrap();
    assert!(tcp.len() > 512);
    assert_eq!(255, record(&tcp).services().len());
    assert!(!op::Message::from_vec(&tcp).unwrap().truncated());
}

#[test]
fn the_limit_is_what_the_client_offers_between_512_and_1232() {
    let responder = responder(&plan(), large());
    let asking =
        |size| Message::query(&owner("13392986156", "e164.arpa")).with_opt(&Opt::of_size(size)).octets();
    let whole = ask(&responder, &asking(0), Transport::Tcp).unwrap().len();
    assert!((513..1232).contains(&whole), "{whole}");
    for (size, is_whole) in [
        (0, false),
        (511, false),
        (512, false),
        (whole - 1, false),
        (whole, true),
        (1232, true),
        (65535, true),
    ] {
        let response = ask(&responder, &asking(size as u16), Transport::Udp).unwrap();
        let mut out = [0; 2048];
        let length = responder.respond_by_library(&asking(size as u16), true, Transport::Udp, &mut out);
        assert_eq!(response, out[..length.unwrap()], "{size}: by library");
        let message = op::Message::from_vec(&response).unwrap();
        assert_eq!(
            (!is_whole, usize::from(is_whole)),
            (message.truncated(), message.answers().len()),
            "{size}"
        );
        assert!(message.extensions().is_some(), "{size}: a cut response keeps its OPT");
        assert_eq!(is_whole, response.len() == whole);
    }
}

#[test]
fn a_buffer_too_small_is_no_panic() {
    let responder = responder(&plan(), Settings::default());
    let simple = Message::query(&owner("13392986156", "e164.arpa"));
    for request in [simple.octets(), simple.clone().with_opt(&Opt::of_size(1232)).signed().octets()] {
        let whole = ask(&responder, &request, Transport::Udp).unwrap();
        for size in 0..whole.len() {
            assert_eq!(None, responder.respond(&request, true, Transport::Udp, &mut vec![0; size]));
            assert_eq!(
                None,
                responder.respond_by_library(&request, true, Transport::Udp, &mut vec![0; size])
            );
        }
        let mut exact = vec![0; whole.len()];
        assert_eq!(Some(whole.len()), responder.respond(&request, true, Transport::Udp, &mut exact));
        assert_eq!(whole, exact);
    }
}
