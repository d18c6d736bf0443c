//! Why a dip gave what it gave, sentence by sentence.

use numdip_core::answer::explain::explain;
use numdip_core::plan::RangeFields;

use crate::support::{number, ported, range, snapshot};

/// Explains a number by a plan of one row for each thing that can be said, with or without ported numbers.
fn explained(digits: &str, with_ported: bool) -> (Vec<String>, String, bool) {
    let ranges = [
        RangeFields {
            kind: "mobile",
            country: "GB",
            operator: "Alpha",
            portable: "true",
            source: "table 7",
            ..range("447786", ["12", "12"], ["234", "15"])
        },
        range("43", ["4", "9"], ["232", ""]),
        range("43", ["10", "10"], ["", ""]),
    ];
    let moved = [ported("447786000001", ["234", "30"]), ported("99", ["901", "01"])];
    let snapshot = snapshot(&ranges, if with_ported { &moved } else { &[] });
    let explanation = explain(&snapshot, number(digits), None).unwrap();
    (explanation.steps, explanation.reason, explanation.found)
}

#[test]
fn each_outcome_is_told_with_its_reasons() {
    let caution = "numbers are portable in GB and this one is not listed as ported here: the range holder may not be \
                   the serving network";
    let cases: [(&str, bool, &[&str], &str, bool); 8] = [
        (
            "447786852522",
            true,
            &[
                "+447786852522 is not among the 2 ported numbers",
                "its longest prefix in the plan is 447786: mobile, GB",
                "12 digits are a length of that range (12)",
                "network 234/15, Alpha; source: table 7",
                caution,
            ],
            "network 234/15, Alpha",
            true,
        ),
        (
            "447786000001",
            true,
            &[
                "+447786000001 is listed as ported: that beats its range",
                "its longest prefix in the plan is 447786: mobile, GB",
                "12 digits are a length of that range (12)",
                "network 234/30; source: ported.csv",
            ],
            "network 234/30, ported",
            true,
        ),
        (
            "99",
            true,
            &[
                "+99 is listed as ported: that beats its range",
                "no range of the plan holds it",
                "network 901/01; source: ported.csv",
            ],
            "network 901/01, ported",
            true,
        ),
        (
            "43123456",
            false,
            &[
                "the plan lists no ported numbers",
                "its longest prefix in the plan is 43: kind unknown",
                "8 digits are a length of that range (4 to 9)",
                "MCC 232, network unknown; source: ranges.csv",
            ],
            "MCC 232, network unknown",
            true,
        ),
        (
            "4312345678",
            false,
            &[
                "the plan lists no ported numbers",
                "its longest prefix in the plan is 43: kind unknown",
                "10 digits are a length of that range (10)",
                "network unknown; source: ranges.csv",
            ],
            "network unknown",
            true,
        ),
        (
            "43123456789",
            true,
            &["+43123456789 is not among the 2 ported numbers", "its longest prefix in the plan is 43"],
            "+43123456789 has 11 digits, numbers of that range have 4 to 9 or 10",
            false,
        ),
        (
            "43123456789",
            false,
            &["its longest prefix in the plan is 43"],
            "+43123456789 has 11 digits, numbers of that range have 4 to 9 or 10",
            false,
        ),
        ("1", false, &[], "no range of the plan holds +1", false),
    ];
    for (digits, with_ported, steps, reason, found) in cases {
        let expected = (steps.iter().map(|&step| step.to_owned()).collect(), reason.to_owned(), found);
        assert_eq!(expected, explained(digits, with_ported), "{digits}");
    }
}
