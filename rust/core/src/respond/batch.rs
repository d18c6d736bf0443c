//! Requests that came together: their numbers are looked up side by side, so that they wait for memory together.
//!
//! ```text
//! Asked::new for each ─> Session::look_up ─> Session::respond_to for each
//! ```
//!
//! It gives what [`Session::respond`] gives for each by itself; a property test holds both to that.

use super::{Judgement, Session};
use crate::answer::{self, Served};
use crate::dns::query::{Head, Query};
use crate::dns::{CLASS_IN, Rcode, TYPE_NAPTR, Transport};
use crate::number::Number;

use arrayvec::ArrayVec;

/// Requests whose numbers are looked up together.
const GROUP: usize = 64;

/// From how many requests on it costs less to look their numbers up together than one by one.
const FEW: usize = 4;

//----------- Asked ----------------------------------------------------------

/// A request of a batch, and what was found for its number. It belongs to the session that looks it up.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    request: &'a [u8],
    permitted: bool,
    /// `None` for all that is answered by itself: what was not looked up, and what asks for no number.
    found: Option<(Query<'a>, Served)>,
}

impl<'a> Asked<'a> {
    /// A request that was not looked at yet. `permitted` is what the access list says about its source.
    #[inline]
    pub fn new(request: &'a [u8], permitted: bool) -> Self {
        Self { request, permitted, found: None }
    }
}

//----------- Session --------------------------------------------------------

impl Session<'_> {
    /// Reads the requests of a batch and looks their numbers up.
    ///
    /// Requests of peers that are not permitted are not read.
    pub fn look_up(&self, asked: &mut [Asked<'_>]) {
        for asked in &mut *asked {
            asked.found = None;
        }
        // Records of numbers and prefixes are looked for one by one.
        if asked.len() < FEW || !self.sets.has_no_numbers() {
            return;
        }
        for asked in asked.chunks_mut(GROUP) {
            let mut queries = ArrayVec::<(&mut Asked<'_>, Query<'_>), GROUP>::new();
            let mut numbers = ArrayVec::<Number, GROUP>::new();
            for asked in asked {
                let query = Some(asked.request).filter(|_| asked.permitted).and_then(query);
                let Some(query) = query else { continue };
                let Ok(number) = self.responder.number(query.question.name) else { continue };
                queries.push((asked, query));
                numbers.push(number);
            }
            let mut served = [Served::Unknown; GROUP];
            answer::find_many(&self.view, &numbers, &mut served);
            for ((asked, query), served) in queries.into_iter().zip(served) {
                asked.found = Some((query, served));
                if let Served::By(network) = served {
                    self.responder.records.prefetch(network);
                }
            }
        }
    }

    /// Writes the response to a request of a batch into `out` and gives its length; see
    /// [`respond`](Self::respond).
    #[inline]
    pub fn respond_to(&self, asked: &Asked<'_>, transport: Transport, out: &mut [u8]) -> Option<usize> {
        let Some((query, served)) = &asked.found else {
            return self.respond(asked.request, asked.permitted, transport, out);
        };
        let judgement = match *served {
            Served::By(network) => self.responder.by_network(network),
            Served::ByNobody => Judgement::of(Rcode::NxDomain),
            Served::Unknown => Judgement::of(Rcode::ServFail),
        };
        self.write(asked.request, query, judgement, transport, out)
    }
}

/// A request's query, if it asks for the records of a name that may be a number's.
#[inline]
fn query(request: &[u8]) -> Option<Query<'_>> {
    let query = Query::read(&Head::of_request(request)?, request)?;
    let speaks = query.edns.is_none_or(|edns| edns.version == 0);
    (speaks && query.question.rtype == TYPE_NAPTR && query.question.class == CLASS_IN).then_some(query)
}
