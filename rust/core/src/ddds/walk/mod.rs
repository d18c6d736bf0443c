//! The ways of the DDDS through record sets, sans I/O: what to ask next goes out, record sets come in.
//!
//! ```text
//! Walk::… ── Ask(question) ──► answer(records) ── Found(…) ──► step() … Done
//! ```
//!
//! One record that is of no use never ends a walk: the reason is noted, and the next one is judged. What a
//! record leads to is gone through where that record stands, so that a dead end leads back.
//!
//! - [`enumservice`]: a number to URIs (RFC 6116 §5.2, §5.2.1)
//! - [`service`]: a service of a domain to servers or URIs (RFC 3958, RFC 4848)
//! - [`sip`]: a SIP URI to servers (RFC 3263)
//! - [`srv`]: SRV records in the order in which to try them (RFC 2782)

pub mod enumservice;
mod records;
pub mod service;
pub mod sip;
pub mod srv;
mod step;

use std::sync::Arc;

use self::enumservice::{Enumeration, Wanted};
pub use self::records::{Kind, Question, Records, sort};
use self::service::Discovery;
use self::sip::{Fallback, SipSearch, SipTarget};
use self::srv::{Draws, Srv};
pub use self::step::{Found, PassedOver, Server, Step, Uri};
use super::ere::Mode;
use crate::naptr::Naptr;
use crate::naptr::services::SipTransport;

/// The most records on one way that lead on to other NAPTR sets (RFC 6116 §5.2.1).
pub const MAX_HOPS: usize = 5;
/// The most questions of one walk.
pub const MAX_QUESTIONS: usize = 64;
/// The most records of one set that are looked at, the best ones.
pub const MAX_RECORDS: usize = 1024;
/// The most records that one walk looks at.
const MAX_JUDGED: usize = 4096;
/// The most steps that all rules of one walk may take: some tenth of a second. A usual one takes a few hundred.
const MAX_RULE_STEPS: usize = 10_000_000;

//----------- What is still to be done ---------------------------------------

/// What a way is for, and how it came where it is.
#[derive(Clone, Debug, Default)]
struct Lead {
    /// The names of the NAPTR sets on the way.
    path: Vec<String>,
    /// The protocols that it still serves, or SIP's transport.
    protocols: Vec<String>,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Todo {
    Ask(Question, Arc<Lead>),
    /// A record of the set with this number.
    Judge(Naptr, usize, Arc<Lead>),
    Host(Srv, Arc<Lead>),
    Give(Server),
    Fallback(Fallback),
}

/// What a record comes to.
enum Verdict {
    Uri { uri: Vec<u8>, services: Vec<String> },
    Next { to: Question, protocols: Vec<String> },
}

#[derive(Clone, Debug)]
enum Application {
    Number(Enumeration),
    Service(Discovery),
    Sip(SipSearch),
}

/// How far a NAPTR set has been gone through.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The order of the record that was judged last.
    order: u16,
    /// Whether other orders are out of bounds.
    bound: bool,
}

//----------- Walk -----------------------------------------------------------

/// The way through record sets.
#[derive(Clone, Debug)]
pub struct Walk {
    application: Application,
    draws: Draws,
    /// What is left to do, the next last.
    todo: Vec<Todo>,
    open: Option<(Question, Arc<Lead>)>,
    asked: Vec<(Question, Option<Records>)>,
    sets: Vec<Progress>,
    judged: usize,
    /// How many steps the rules that are still to come may take.
    rule_steps: usize,
    steps: Vec<Step>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Ask for these records and hand them to [`Walk::answer`].
    Ask(Question),
    /// Something was found. Going on gives the next best.
    Found(Found),
    /// There is nothing more.
    Done,
}

impl Walk {
    /// From a number's domain to URIs, by ENUM.
    pub fn of_number(aus: &[u8], domain: &str, wanted: Wanted, mode: Mode) -> Self {
        let application = Application::Number(Enumeration { aus: aus.to_vec(), wanted, mode });
        let first = Todo::Ask(Question::new(domain, Kind::Naptr), Arc::default());
        Self::new(application, vec![first], 0)
    }

    /// From a domain to the servers of a service, by S-NAPTR, or by U-NAPTR to its URIs too.
    ///
    /// `seed` decides among SRV records by their weights.
    pub fn of_service(domain: &str, discovery: Discovery, seed: u64) -> Self {
        let lead = Lead { protocols: discovery.protocols.clone(), ..Lead::default() };
        let first = Todo::Ask(Question::new(domain, Kind::Naptr), Arc::new(lead));
        Self::new(Application::Service(discovery), vec![first], seed)
    }

    /// From a SIP URI to servers for a client that has these transports, the one it likes best first.
    ///
    /// `seed` decides among SRV records by their weights.
    pub fn of_sip(target: &SipTarget, transports: &[SipTransport], seed: u64) -> Self {
        let (search, todo) = SipSearch::begin(target, transports);
        Self::new(Application::Sip(search), todo, seed)
    }

    fn new(application: Application, todo: Vec<Todo>, seed: u64) -> Self {
        Self {
            application,
            draws: Draws::new(seed),
            todo,
            open: None,
            asked: Vec::new(),
            sets: Vec::new(),
            judged: 0,
            rule_steps: MAX_RULE_STEPS,
            steps: Vec::new(),
        }
    }

    /// Hands in the records that were asked for; none if there are none, or the name does not exist.
    ///
    /// Aliases are followed by who asks. Nothing is done with records that were not asked for.
    pub fn answer(&mut self, mut records: Records) {
        let Some((question, lead)) = self.open.take() else { return };
        let came = records.len();
        let left_out = records.cut(question.kind);
        self.steps.push(Step::Asked { question: question.clone(), records: came, left_out });
        // ENUM asks for no name twice.
        if !matches!(self.application, Application::Number(_)) {
            if let Some((_, kept)) = self.asked.iter_mut().find(|(asked, _)| *asked == question) {
                *kept = Some(records.clone());
            }
        }
        self.take_in(question, records, lead);
    }

    fn take_in(&mut self, question: Question, records: Records, lead: Arc<Lead>) {
        match records {
            Records::Naptr(records) => {
                let mut lead = Lead::clone(&lead);
                lead.path.push(question.name);
                let (set, lead) = (self.sets.len(), Arc::new(lead));
                self.sets.push(Progress::default());
                self.todo.extend(
                    records.into_iter().rev().map(|record| Todo::Judge(record, set, Arc::clone(&lead))),
                );
            }
            Records::Srv(mut records) => {
                if let (Application::Sip(search), false) = (&mut self.application, records.is_empty()) {
                    search.met_srv = true;
                }
                let draws = &mut self.draws;
                srv::order(&mut records, |most| draws.draw(most));
                self.todo
                    .extend(records.into_iter().rev().map(|record| Todo::Host(record, Arc::clone(&lead))));
            }
            Records::Address(addresses) => {
                self.todo.extend(addresses.into_iter().rev().map(|address| {
                    let (protocols, host) = (lead.protocols.clone(), question.name.clone());
                    Todo::Give(Server { protocols, host, port: lead.port, address })
                }));
            }
        }
    }

    /// What to do next.
    pub fn step(&mut self) -> Move {
        if let Some((question, _)) = &self.open {
            return Move::Ask(question.clone());
        }
        while let Some(todo) = self.todo.pop() {
            let next = match todo {
                Todo::Ask(question, lead) => self.ask(question, lead),
                Todo::Judge(record, set, lead) => self.judge(record, set, &lead),
                Todo::Host(record, lead) => {
                    self.host(record, &lead);
                    None
                }
                Todo::Give(server) => {
                    self.steps.push(Step::Reached { server: server.clone() });
                    Some(Move::Found(Found::Server(server)))
                }
                Todo::Fallback(fallback) => {
                    if let Application::Sip(search) = &self.application {
                        if let Some((why, more)) = search.fall_back(fallback) {
                            self.steps.push(Step::Fallback { why });
                            self.todo.extend(more);
                        }
                    }
                    None
                }
            };
            if let Some(next) = next {
                return next;
            }
        }
        Move::Done
    }

    fn ask(&mut self, question: Question, lead: Arc<Lead>) -> Option<Move> {
        let known = self.asked.iter().find(|(asked, _)| *asked == question);
        if let Some(records) = known.and_then(|(_, records)| records.clone()) {
            self.steps.push(Step::Again { question: question.clone() });
            self.count(records.len().max(1))?;
            self.take_in(question, records, lead);
            return None;
        }
        if self.asked.len() >= MAX_QUESTIONS {
            self.stop("more than 64 questions");
            return None;
        }
        self.asked.push((question.clone(), None));
        self.open = Some((question.clone(), lead));
        Some(Move::Ask(question))
    }

    /// Counts what is looked at. `None`: it is too much, and the walk has ended.
    fn count(&mut self, records: usize) -> Option<()> {
        self.judged += records;
        if self.judged > MAX_JUDGED {
            self.stop("more than 4096 records");
            return None;
        }
        Some(())
    }

    fn stop(&mut self, why: &'static str) {
        self.todo.clear();
        self.steps.push(Step::Stopped { why });
    }

    fn judge(&mut self, record: Naptr, set: usize, lead: &Lead) -> Option<Move> {
        self.count(1)?;
        let progress = self.sets.get_mut(set)?;
        if progress.bound && record.order() != progress.order {
            self.steps.push(Step::PassedOver { record, reason: PassedOver::OtherOrder, explained: None });
            return None;
        }
        progress.order = record.order();
        let mut explained = None;
        let verdict = match &self.application {
            Application::Number(number) => number.judge(&record, &mut self.rule_steps, &mut explained),
            Application::Service(discovery) => discovery.judge(&record, &lead.protocols),
            Application::Sip(search) => search.judge(&record),
        };
        match verdict.and_then(|verdict| self.check_way(verdict, lead)) {
            Ok(Verdict::Uri { uri, services }) => {
                let found = Uri { uri, services, record };
                self.steps.push(Step::Gave { uri: found.clone(), explained });
                Some(Move::Found(Found::Uri(found)))
            }
            Ok(Verdict::Next { to, protocols }) => {
                self.steps.push(Step::LedOn { record, to: to.clone() });
                if let (Application::Sip(search), Some(transport)) =
                    (&mut self.application, protocols.first())
                {
                    search.led_by.get_or_insert_with(|| transport.clone());
                }
                let lead = Arc::new(Lead { path: lead.path.clone(), protocols, port: None });
                // Records without a type of their own lead to addresses of both families.
                if to.kind == Kind::Aaaa {
                    self.todo.push(Todo::Ask(Question::new(&to.name, Kind::A), Arc::clone(&lead)));
                }
                self.todo.push(Todo::Ask(to, lead));
                None
            }
            Err(reason) => {
                self.steps.push(Step::PassedOver { record, reason, explained });
                if self.rule_steps == 0 {
                    self.stop("its rules together take more than 10 million steps");
                }
                None
            }
        }
    }

    /// Refuses a way that has been gone, or is too long.
    fn check_way(&self, verdict: Verdict, lead: &Lead) -> Result<Verdict, PassedOver> {
        let Verdict::Next { to, .. } = &verdict else { return Ok(verdict) };
        if to.kind != Kind::Naptr {
            return Ok(verdict);
        }
        // ENUM counts all names of a walk (RFC 6116 §5.2.1); with others, one name may serve several protocols.
        let (met, names) = match self.application {
            Application::Number(_) => (self.asked.iter().any(|(asked, _)| asked == to), self.asked.len()),
            _ => (lead.path.contains(&to.name), lead.path.len()),
        };
        match (met, names > MAX_HOPS) {
            (true, _) => Err(PassedOver::Loop),
            (_, true) => Err(PassedOver::TooManyHops),
            _ => Ok(verdict),
        }
    }

    fn host(&mut self, record: Srv, lead: &Lead) {
        if self.count(1).is_none() {
            return;
        }
        if record.target == "." {
            self.steps.push(Step::NoService { record });
            return;
        }
        let lead = Lead { port: Some(record.port), ..lead.clone() };
        self.todo.extend(addresses(&record.target, lead));
        self.steps.push(Step::Host { record });
    }

    /// Says that the last URI was accepted: from now on only records of the same order are considered.
    pub fn accept(&mut self) {
        self.sets.iter_mut().for_each(|set| set.bound = true);
    }

    /// What was asked for and is not yet answered.
    pub fn open(&self) -> Option<&Question> {
        self.open.as_ref().map(|(question, _)| question)
    }

    /// What was asked for so far.
    pub fn asked(&self) -> impl ExactSizeIterator<Item = &Question> {
        self.asked.iter().map(|(question, _)| question)
    }

    /// What happened so far, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The records passed over so far, with the reason.
    pub fn passed_over(&self) -> impl Iterator<Item = (&Naptr, &PassedOver)> {
        self.steps.iter().filter_map(|step| match step {
            Step::PassedOver { record, reason, .. } => Some((record, reason)),
            _ => None,
        })
    }
}

/// Asks for a host's addresses, IPv6 first (RFC 6724 §2.1); what comes first stands last.
fn addresses(host: &str, lead: Lead) -> [Todo; 2] {
    let lead = Arc::new(lead);
    [Kind::A, Kind::Aaaa].map(|kind| Todo::Ask(Question::new(host, kind), Arc::clone(&lead)))
}
