//! Calls with servers that do as they are told, on a clock of their own.

use proptest::prelude::*;

use super::super::peers::Settings;
use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a server does with a query.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Answer {
        after: Duration,
    },
    Say {
        rcode: u16,
        after: Duration,
    },
    Truncate {
        after: Duration,
    },
    /// Answers queries without an OPT record alone; to the others it says FORMERR, or nothing.
    AnswerPlain {
        aloud: bool,
    },
    Nothing,
    Vanish,
}

/// Asks one question of servers that do as they are told, and gives its outcome and how long it took, and
/// what was sent when.
fn ask(peers: &mut Peers, does: &[Does], begin: Duration) -> (Outcome, Duration, Vec<(Duration, Send)>) {
    let mut now = begin;
    let mut call = Call::new(peers, now);
    let mut sent = Vec::new();
    let mut coming: Vec<(Duration, Send, Option<Reply>)> = Vec::new();
    loop {
        assert!(sent.len() < 2000, "no end");
        match call.next(peers, now) {
            Step::Done(outcome) => return (*outcome, now - begin, sent),
            Step::Send(send) => {
                sent.push((now, send));
                let reply =
                    |rcode, truncated| Some(Reply { rcode, truncated, edns: send.edns, ..Reply::default() });
                match does[send.peer] {
                    Does::Answer { after } => coming.push((now + after, send, reply(0, false))),
                    Does::Say { rcode, after } => coming.push((now + after, send, reply(rcode, false))),
                    Does::Truncate { after } => {
                        coming.push((now + after, send, reply(0, send.transport == Transport::Udp)));
                    }
                    Does::AnswerPlain { aloud } => match (send.edns, aloud) {
                        (false, _) => coming.push((now + ms(1), send, reply(0, false))),
                        (true, true) => {
                            let reply = Reply { rcode: 1, ..Reply::default() };
                            coming.push((now + ms(1), send, Some(reply)));
                        }
                        (true, false) => {}
                    },
                    Does::Nothing => {}
                    Does::Vanish => coming.push((now, send, None)),
                }
            }
            Step::Wait(until) => {
                assert!(until > now, "a wait for what has passed");
                coming.sort_by_key(|(at, ..)| *at);
                if coming.first().is_some_and(|(at, ..)| *at <= until) {
                    let (at, send, reply) = coming.remove(0);
                    now = now.max(at);
                    match reply {
                        Some(reply) => {
                            let of = sent.iter().find(|(_, other)| *other == send).unwrap().0;
                            peers.answered(send.peer, of, now);
                            call.received(peers, send.attempt, reply, now);
                        }
                        None => {
                            peers.unreachable(send.peer, now);
                            call.failed(send.attempt, "Connection refused".to_owned());
                        }
                    }
                } else {
                    now = until;
                }
            }
        }
    }
}

fn peers(count: usize, settings: Settings) -> Peers {
    Peers::new(settings, &vec![[0; 8]; count])
}

fn is_answer(outcome: &Outcome) -> bool {
    matches!(&outcome.end, End::Reply { reply, .. } if reply.is_answer())
}

fn any_does() -> impl Strategy<Value = Does> {
    let after = (0..700_u64).prop_map(ms);
    prop_oneof![
        after.clone().prop_map(|after| Does::Answer { after }),
        (1..30_u16, after.clone()).prop_map(|(rcode, after)| Does::Say { rcode, after }),
        after.prop_map(|after| Does::Truncate { after }),
        any::<bool>().prop_map(|aloud| Does::AnswerPlain { aloud }),
        Just(Does::Nothing),
        Just(Does::Vanish),
    ]
}

proptest! {
    /// Whatever servers do, there is an end by the deadline, and an answer if anyone gives one in time.
    #[test]
    fn a_question_ends_by_its_deadline_with_what_servers_give(
        does in prop::collection::vec(any_does(), 1..4),
        hedge: bool, balanced: bool, questions in 1..6_usize,
    ) {
        let settings = Settings { hedge, balanced, deadline: ms(2500), ..Settings::default() };
        let mut peers = peers(does.len(), settings);
        for number in 0..questions {
            let (outcome, took, sent) = ask(&mut peers, &does, ms(3000 * number as u64));
            prop_assert!(took <= ms(2500));
            // Two rounds of all servers fit into the deadline: 3 × 2 × 400 ms.
            let gives = |does: &Does| match does {
                Does::Answer { after } | Does::Truncate { after } => *after < ms(400),
                Does::Say { rcode: 3, after } => *after < ms(400),
                Does::AnswerPlain { aloud } => *aloud,
                _ => false,
            };
            if does.iter().any(gives) {
                prop_assert!(is_answer(&outcome), "{outcome:?} of {does:?}");
            }
            prop_assert!(sent.len() <= 40);
            // At no time are there two queries to one server for the same question.
            let of_primary = sent.iter().filter(|(_, send)| send.peer == 0).count();
            prop_assert!(of_primary <= 12);
        }
    }
}

#[test]
fn the_backup_is_not_asked_while_the_primary_answers() {
    let mut peers = peers(2, Settings::default());
    for number in 0..50 {
        let does = [Does::Answer { after: ms(5) }; 2];
        let (outcome, took, sent) = ask(&mut peers, &does, ms(number * 20));
        assert!(is_answer(&outcome) && took == ms(5));
        assert_eq!(vec![0], sent.iter().map(|(_, send)| send.peer).collect::<Vec<_>>());
    }
}

#[test]
fn a_slow_answer_is_hedged_after_the_95th_percentile() {
    let mut peers = peers(2, Settings::default());
    let quick = [Does::Answer { after: ms(5) }; 2];
    for number in 0..20 {
        ask(&mut peers, &quick, ms(number * 20));
    }
    let slow = [Does::Answer { after: ms(300) }, Does::Answer { after: ms(5) }];
    let (outcome, took, _) = ask(&mut peers, &slow, ms(1000));
    assert_eq!(ms(10), took);
    assert!(matches!(outcome.end, End::Reply { peer: 1, .. }));
    assert_eq!(vec![Failure { peer: 0, why: Why::Silent(ms(10)) }], outcome.failures);
}

#[test]
fn a_server_that_is_slower_than_its_time_answers_all_the_same() {
    let mut peers = peers(1, Settings::default());
    let does = [Does::Answer { after: ms(600) }];
    for number in 0..3 {
        let (outcome, took, _) = ask(&mut peers, &does, ms(3000 * number));
        assert!(is_answer(&outcome) && took == ms(600), "{outcome:?} after {took:?}");
    }
}

#[test]
fn a_dead_server_is_not_asked_because_another_is_slow() {
    let mut peers = peers(2, Settings::default());
    for number in 0..20 {
        ask(&mut peers, &[Does::Nothing, Does::Answer { after: ms(5) }], ms(number * 20));
    }
    let mut queries = 0;
    for number in 0..500_u64 {
        // Each takes longer than 95 of 100 did.
        let does = [Does::Nothing, Does::Answer { after: ms(30 + number / 2) }];
        let (outcome, _, sent) = ask(&mut peers, &does, ms(2000 + number * 10));
        assert!(is_answer(&outcome));
        queries += sent.iter().filter(|(_, send)| send.peer == 0).count();
    }
    assert!(queries < 10, "{queries} in five seconds");
}

#[test]
fn a_dead_primary_is_probed_and_not_asked_until_it_answers() {
    let mut peers = peers(2, Settings::default());
    let dead = [Does::Nothing, Does::Answer { after: ms(5) }];
    let (_, took, _) = ask(&mut peers, &dead, ms(0));
    assert_eq!(ms(505), took, "as long as nothing is known");
    let mut probes = 0;
    for number in 1..=1000_u64 {
        let (outcome, took, sent) = ask(&mut peers, &dead, ms(1000 + number * 10));
        assert!(is_answer(&outcome) && took == ms(5) && outcome.failures.is_empty());
        probes += sent.iter().filter(|(_, send)| send.peer == 0).count();
    }
    assert!((3..10).contains(&probes), "{probes} in ten seconds");
    // It answers a probe, and is the primary again.
    let alive = [Does::Answer { after: ms(1) }, Does::Answer { after: ms(5) }];
    ask(&mut peers, &alive, ms(20_000));
    let (_, took, sent) = ask(&mut peers, &alive, ms(20_010));
    assert_eq!((ms(1), 1), (took, sent.len()));
}

#[test]
fn what_a_server_cannot_take_is_remembered() {
    for (aloud, deadline) in [(true, ms(2)), (false, ms(501))] {
        let mut peers = peers(1, Settings::default());
        let does = [Does::AnswerPlain { aloud }];
        let (outcome, took, sent) = ask(&mut peers, &does, ms(0));
        assert!(is_answer(&outcome) && took == deadline, "{took:?}");
        assert_eq!(vec![true, false], sent.iter().map(|(_, send)| send.edns).collect::<Vec<_>>());
        let (_, took, sent) = ask(&mut peers, &does, ms(1000));
        assert_eq!((ms(1), false), (took, sent[0].1.edns));
        // Not for ever: it may be another server by now.
        let (_, _, sent) = ask(&mut peers, &does, ms(4_000_000));
        assert!(sent[0].1.edns);
    }
}

#[test]
fn a_bad_cookie_is_mended_by_the_new_one_or_by_a_connection() {
    let mut peers = peers(1, Settings::default());
    let does = [Does::Say { rcode: 23, after: ms(1) }];
    let (outcome, _, sent) = ask(&mut peers, &does, ms(0));
    let transports: Vec<Transport> = sent.iter().map(|(_, send)| send.transport).collect();
    assert_eq!(vec![Transport::Udp, Transport::Udp, Transport::Tcp], transports);
    assert_eq!(vec![Failure { peer: 0, why: Why::Rcode(23) }], outcome.failures);
}

#[test]
fn a_refusal_outlasts_silence_and_nobody_there_is_told_at_once() {
    let mut two = peers(2, Settings::default());
    let (outcome, took, _) = ask(&mut two, &[Does::Say { rcode: 5, after: ms(1) }, Does::Nothing], ms(0));
    assert!(matches!(&outcome.end, End::Reply { reply, .. } if reply.rcode == 5));
    assert_eq!(ms(2000), took);
    let mut two = peers(2, Settings::default());
    let (outcome, took, _) = ask(&mut two, &[Does::Vanish; 2], ms(0));
    assert!(matches!(outcome.end, End::Unreachable) && took == ms(0));
    assert_eq!(2, outcome.failures.len());
}

#[test]
fn a_rate_makes_questions_wait_or_says_that_there_is_no_time() {
    let settings = Settings { rate: Some(1.0), ..Settings::default() };
    let mut peers = peers(1, settings);
    let does = [Does::Answer { after: ms(1) }];
    let took: Vec<Duration> = (0..2).map(|_| ask(&mut peers, &does, ms(0)).1).collect();
    assert_eq!(vec![ms(1), ms(991)], took);
    let mut call = Call::new(&mut peers, ms(0));
    for _ in 0..2 {
        peers.pace(0, ms(0));
    }
    let Step::Done(outcome) = call.next(&mut peers, ms(0)) else { panic!("it waits in vain") };
    assert_eq!(vec![Failure { peer: 0, why: Why::Paced }], outcome.failures);
}
