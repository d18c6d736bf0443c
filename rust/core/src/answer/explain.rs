//! Why a dip gave what it gave, in words for people.

use std::fmt::Write;

use super::{Answer, Miss, find};
use crate::number::Number;
use crate::snapshot::{NetworkRow, RangeRow, View};

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

/// Dips for `number` and says why the answer is what it is.
pub fn explain(view: &View<'_>, number: Number) -> Explanation {
    let mut steps = Vec::new();
    let ported = view.index.len();
    match find(view, number) {
        Ok(answer) => {
            steps.push(match (answer.ported, ported) {
                (true, _) => format!("{number} is listed as ported: that beats its range"),
                (false, 0) => "the plan lists no ported numbers".to_owned(),
                (false, count) => format!("{number} is not among the {count} ported numbers"),
            });
            if let Some((prefix, row)) = answer.range {
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
            if let Some(caution) = caution(&answer) {
                steps.push(caution);
            }
            Explanation { reason: outcome(view, &answer), steps, found: true }
        }
        Err(miss) => {
            if ported > 0 {
                steps.push(format!("{number} is not among the {ported} ported numbers"));
            }
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

/// Why the network named need not be the one that serves the number, if that is so.
///
/// In a country with number portability a range names its holder; the subscriber may have moved.
fn caution(answer: &Answer<'_>) -> Option<String> {
    let (_, row) = answer.range.filter(|(_, row)| row.is_portable() && !answer.ported)?;
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
