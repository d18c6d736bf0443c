//! Why a dip gave what it gave, in words for people.

use std::fmt::Write;

use super::{Answer, Miss, settle};
use crate::number::Number;
use crate::snapshot::lineage::Time;
use crate::snapshot::{NetworkRow, RangeRow, Said, Snapshot, TooEarly, View};

//----------- Explanation ----------------------------------------------------

/// A dip with its reasons.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What was tried, in order, a sentence each.
    pub steps: Vec<String>,
    /// The outcome in one sentence.
    pub reason: String,
    /// Whether the plan says anything about the number.
    pub found: bool,
}

/// Dips for `number`, in the plan as it is or as it was at a time, and says why the answer is what it is.
pub fn explain(snapshot: &Snapshot, number: Number, at: Option<Time>) -> Result<Explanation, TooEarly> {
    let said = snapshot.said(number, at)?;
    Ok(put_in_words(&snapshot.view(), number, &said, at))
}

fn put_in_words(view: &View<'_>, number: Number, said: &Said<'_>, at: Option<Time>) -> Explanation {
    let mut steps = Vec::new();
    let ported = porting(view, number, said, at);
    match settle(view, number, said.network) {
        Ok(answer) => {
            steps.extend(ported.or_else(|| Some("the plan lists no ported numbers".to_owned())));
            if let Some((prefix, row)) = answer.range(view) {
                let what = describe_range(row);
                steps.push(format!("its longest prefix in the plan is {}: {what}", prefix.digits()));
                steps.push(format!(
                    "{} digits are a length of that range ({})",
                    number.len(),
                    lengths(&[*row])
                ));
            } else {
                steps.push("no range of the plan holds it".to_owned());
            }
            let network = describe_network(view, answer.network);
            steps.push(match view.text(answer.network.source) {
                Some(source) => format!("{network}; source: {source}"),
                None => network,
            });
            if let Some(caution) = caution(view, &answer) {
                steps.push(caution);
            }
            Explanation { reason: outcome(view, &answer), steps, found: true }
        }
        Err(miss) => {
            steps.extend(ported);
            let reason = match miss {
                Miss::NoRange => format!("no range of the plan holds {number}"),
                Miss::WrongLength { prefix, rows } => {
                    steps.push(format!("its longest prefix in the plan is {}", prefix.digits()));
                    format!(
                        "{number} has {} digits, numbers of that range have {}",
                        number.len(),
                        lengths(rows)
                    )
                }
                Miss::Damaged => "the snapshot is damaged: run `numdip plan verify` on it".to_owned(),
            };
            Explanation { steps, reason, found: false }
        }
    }
}

/// Whether the number is ported and which layer says so; `None` where no number is.
fn porting(view: &View<'_>, number: Number, said: &Said<'_>, at: Option<Time>) -> Option<String> {
    let mut step = match (said.network, at) {
        (Some(_), None) => format!("{number} is listed as ported: that beats its range"),
        (Some(_), Some(at)) => format!("{number} was listed as ported at {at}: that beats its range"),
        (None, Some(at)) => format!("{number} was not listed as ported at {at}"),
        (None, None) if said.layer.is_some() => format!("{number} is ported no longer"),
        (None, None) => match view.ported.len() {
            0 => return None,
            count => format!("{number} is not among the {count} ported numbers"),
        },
    };
    if let Some((layer, row)) = said.layer {
        let _ = write!(step, "; by layer {} of {}", layer.sequence(), layer.time());
        let row = view.network(row).filter(|row| row.is_removal());
        if let Some(source) = row.and_then(|row| view.text(row.source)) {
            let _ = write!(step, ", source: {source}");
        }
    }
    Some(step)
}

/// Why the network named need not be the one that serves the number, if that is so.
///
/// In a country with number portability a range names its holder; the subscriber may have moved.
fn caution(view: &View<'_>, answer: &Answer<'_>) -> Option<String> {
    let (_, row) = answer.range(view).filter(|(_, row)| row.is_portable() && !answer.ported)?;
    let country = row.country().unwrap_or("this country");
    Some(format!(
        "numbers are portable in {country} and this one is not listed as ported here: the range holder may not \
         be the serving network"
    ))
}

fn outcome(view: &View<'_>, answer: &Answer<'_>) -> String {
    let mut outcome = describe_network(view, answer.network);
    if answer.ported {
        outcome.push_str(", ported");
    }
    outcome
}

fn describe_network(view: &View<'_>, network: &NetworkRow) -> String {
    let mut text = String::new();
    let _ = match (network.mcc(), network.mnc()) {
        (Some(mcc), Some(mnc)) => write!(text, "network {mcc}/{mnc}"),
        (Some(mcc), None) => write!(text, "MCC {mcc}, network unknown"),
        _ => write!(text, "network unknown"),
    };
    if let Some(operator) = view.text(network.operator) {
        let _ = write!(text, ", {operator}");
    }
    text
}

fn describe_range(row: &RangeRow) -> String {
    let kind = row.kind().map_or("kind unknown", |kind| kind.name());
    match row.country() {
        Some(country) => format!("{kind}, {country}"),
        None => kind.to_owned(),
    }
}

/// The lengths that rows take: `12`, `10 to 11`, `9 or 12`.
fn lengths(rows: &[RangeRow]) -> String {
    let texts: Vec<String> = rows
        .iter()
        .map(|row| match (row.min_length, row.max_length) {
            (min, max) if min == max => min.to_string(),
            (min, max) => format!("{min} to {max}"),
        })
        .collect();
    texts.join(" or ")
}
