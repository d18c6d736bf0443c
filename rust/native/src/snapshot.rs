//! `numdip.Snapshot` and what its look-ups give: `Answer`, `Explanation`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use numdip_core::answer::{self, Published, explain};
use numdip_core::dns::name;
use numdip_core::number::{Form, Number, Prefix};
use numdip_core::plan::stats;
use numdip_core::snapshot::lineage::Time;
use numdip_core::snapshot::record_sets::{Record, RecordSet};
use numdip_core::snapshot::{Memory, NetworkRow, RangeRow, Snapshot as CoreSnapshot};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use zerocopy::byteorder::little_endian::U32;

use crate::bulk;
use crate::errors::Fault;
use crate::naptr::Naptr;
use crate::number;
use crate::table::Table;
use crate::times;

//----------- Snapshot -------------------------------------------------------

/// A built plan, mapped read-only. Immutable; threads may share it, other processes map the same memory.
#[pyclass(frozen, module = "numdip")]
pub(crate) struct Snapshot {
    inner: Arc<CoreSnapshot>,
    memory: String,
}

impl Snapshot {
    pub(crate) fn inner(&self) -> &Arc<CoreSnapshot> {
        &self.inner
    }
}

#[pymethods]
impl Snapshot {
    /// Opens the snapshot file at path.
    ///
    /// memory is "map" (the file is mapped) or "huge" (copied into huge pages: slower to open, faster to
    /// look up). Raises SnapshotError (an OSError) when the file is missing, no snapshot, of another
    /// version, incomplete or damaged.
    #[staticmethod]
    #[pyo3(signature = (path, memory = "map"))]
    fn open(py: Python<'_>, path: PathBuf, memory: &str) -> Result<Self, Fault> {
        let how = match memory {
            "map" => Memory::Map,
            "huge" => Memory::Huge,
            other => {
                return Err(
                    PyValueError::new_err(format!("memory is \"map\" or \"huge\", not {other:?}")).into()
                );
            }
        };
        let inner = py.detach(|| CoreSnapshot::open(&path, how))?;
        Ok(Self { inner: Arc::new(inner), memory: memory.to_owned() })
    }

    /// The file it was opened from.
    #[getter]
    fn path(&self) -> String {
        self.inner.path().unwrap_or(Path::new("")).display().to_string()
    }

    /// What the builder noted about the plan: JSON text.
    #[getter]
    fn meta(&self) -> &str {
        self.inner.meta()
    }

    /// Dips for one number: an Answer, or None when the plan says nothing about it.
    ///
    /// Takes a str with a leading + or without, an int, or a Number; raises NumberError for what is none.
    ///
    /// With at, the answer is what was true then, as far as layers tell: a str ("2026-03-01" is the start of
    /// that day, or an ISO date and time), a date or a datetime, in UTC where nothing else is said. Raises
    /// TimeError for a time before the earliest that the plan can speak for, which the message names.
    #[pyo3(signature = (number, /, *, at = None))]
    fn lookup(
        &self,
        number: &Bound<'_, PyAny>,
        at: Option<&Bound<'_, PyAny>>,
    ) -> Result<Option<Answer>, Fault> {
        let number = number::read(number, Form::Msisdn)?;
        match at {
            None => Ok(Answer::find(&self.inner, number)),
            Some(at) => Answer::find_at(&self.inner, number, times::read(at)?),
        }
    }

    /// Dips for many numbers: an Arrow table with one row per number, in order.
    ///
    /// Takes a column of any library that speaks Arrow (text or integers, with nulls, in chunks, a
    /// dictionary, or a table of this one column), an array of integers (NumPy, pandas, array.array), or any iterable
    /// of what lookup takes, and None. Other threads run meanwhile, except with an iterable, whose objects
    /// are Python's. An array is copied first, so it may change meanwhile.
    ///
    /// The columns are found, mcc, mnc, operator, country, kind, prefix, ported, portable and source, as of an Answer,
    /// and behind them spid, rn and rn_context. Texts are dictionaries with 32-bit keys, each text once. A row is
    /// null throughout, except for found (false), where the number is unknown, None or no number.
    ///
    /// Raises TypeError for anything else, floats and tables of more columns among it, and PlanError with the text of
    /// a stream's error.
    #[pyo3(signature = (numbers, /))]
    fn lookup_many(&self, py: Python<'_>, numbers: &Bound<'_, PyAny>) -> Result<Table, Fault> {
        bulk::lookup_many(py, &self.inner, numbers)
    }

    /// Dips for one number and says why the answer is what it is. at as for lookup.
    #[pyo3(signature = (number, /, *, at = None))]
    fn explain(
        &self,
        number: &Bound<'_, PyAny>,
        at: Option<&Bound<'_, PyAny>>,
    ) -> Result<Explanation, Fault> {
        let number = number::read(number, Form::Msisdn)?;
        let at = at.map(times::read).transpose()?;
        let inner = explain::explain(&self.inner, number, at)?;
        let answer = match at {
            None => Answer::find(&self.inner, number),
            Some(at) => Answer::find_at(&self.inner, number, at)?,
        };
        Ok(Explanation { number, inner, answer })
    }

    /// The NAPTR records that the plan has for a number or for a prefix of it, in the order in which they are tried.
    ///
    /// Empty when it has none, or when a network that is named for more of the number's digits is the answer.
    /// number as for lookup.
    fn records(&self, number: &Bound<'_, PyAny>) -> Result<Vec<Naptr>, Fault> {
        let number = number::read(number, Form::Msisdn)?;
        Ok(match answer::published(&self.inner.view(), &self.inner.records(), number) {
            Ok(Published::Records(set)) => set.naptrs().map(Naptr::from).collect(),
            _ => Vec::new(),
        })
    }

    /// All DNS records of the plan: those of numbers ("+441632960083"), of prefixes ("+44*") and of names.
    ///
    /// A list with a tuple for each owner and type: owner, type, TTL in seconds, and the data of its records in wire
    /// form.
    fn record_sets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let sets = self.inner.records();
        let list = PyList::empty(py);
        let append = |owner: String, set: RecordSet<'_>| {
            let Some(Record { rtype, ttl, .. }) = set.records().next() else { return Ok(()) };
            let data: Vec<_> = set.records().map(|record| PyBytes::new(py, record.rdata)).collect();
            list.append((owner, rtype, ttl, data))
        };
        for (number, set) in sets.numbers() {
            append(number.aus(), set)?;
        }
        for (prefix, set) in sets.prefixes() {
            append(format!("+{}*", prefix.digits()), set)?;
        }
        for entry in sets.names() {
            if let Some(set) = sets.set(entry.set) {
                append(name::to_text(entry.name), set)?;
            }
        }
        Ok(list)
    }

    /// How many layers have been applied to the plan since it was built.
    #[getter]
    fn sequence(&self) -> u64 {
        self.inner.lineage().sequence()
    }

    /// From when on the plan is as it is: the time of the newest layer, or else of the plan; a datetime in
    /// UTC, None if nobody noted it.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        times::write(py, self.inner.lineage().time())
    }

    /// The layers since the plan was built or its history forgotten, the oldest first.
    ///
    /// A list of dicts with file (a name beside the plan), sequence, time (a datetime in UTC), set (numbers
    /// that it gives a network), removed (numbers that it returns to their ranges), octets and folded
    /// (whether it is in the plan's own file, so that it is asked about the past alone).
    #[getter]
    fn layers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let layers = PyList::empty(py);
        for facts in py.detach(|| self.inner.layers()) {
            let layer = PyDict::new(py);
            layer.set_item("file", facts.file)?;
            layer.set_item("sequence", facts.sequence)?;
            layer.set_item("time", times::write(py, facts.time)?)?;
            layer.set_item("set", facts.set)?;
            layer.set_item("removed", facts.removed)?;
            layer.set_item("octets", facts.octets)?;
            layer.set_item("folded", facts.folded)?;
            layers.append(layer)?;
        }
        Ok(layers)
    }

    /// Opens what is at the snapshot's path now. A file that is still the same one is not copied or mapped
    /// again, so taking up a layer costs little. Raises SnapshotError as open does.
    fn reopen(&self, py: Python<'_>) -> Result<Self, Fault> {
        let inner = py.detach(|| self.inner.reopen())?;
        Ok(Self { inner: Arc::new(inner), memory: self.memory.clone() })
    }

    /// Checks every octet of the file and of its layers. Raises SnapshotError, which names the damaged section.
    fn verify(&self, py: Python<'_>) -> Result<(), Fault> {
        Ok(py.detach(|| self.inner.verify())?)
    }

    /// Counts of the plan.
    ///
    /// A dict with ranges, ported, networks, records (sets of DNS records), octets (of the file), base_sequence and base_time (of the file:
    /// how many layers are folded into it, and from when on it holds), sources (list) and countries: a list of
    /// dicts with country (ISO 3166-1 alpha-2, "" for none), ranges, mobile_space, named_space,
    /// known_space and portable. A space weighs a prefix by how many numbers of 15 digits start with it:
    /// all mobile ones, of those the ones with an operator name, of those the ones with MCC and MNC.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = py.detach(|| stats::stats(&self.inner.view()));
        let countries = PyList::empty(py);
        for (country, counts) in stats.countries {
            let row = PyDict::new(py);
            row.set_item("country", country)?;
            row.set_item("ranges", counts.ranges)?;
            row.set_item("mobile_space", counts.mobile_space)?;
            row.set_item("named_space", counts.named_space)?;
            row.set_item("known_space", counts.known_space)?;
            row.set_item("portable", counts.portable)?;
            countries.append(row)?;
        }
        let dict = PyDict::new(py);
        dict.set_item("ranges", stats.ranges)?;
        dict.set_item("ported", stats.ported)?;
        dict.set_item("ported_in_file", self.inner.view().ported.index().len())?;
        dict.set_item("ported_octets", stats.ported_octets.0)?;
        dict.set_item("ported_bound_octets", stats.ported_octets.1)?;
        dict.set_item("networks", stats.networks)?;
        dict.set_item("records", self.inner.records().len())?;
        dict.set_item("octets", self.inner.size())?;
        let base = self.inner.base_lineage();
        dict.set_item("base_sequence", base.sequence())?;
        dict.set_item("base_time", times::write(py, base.time())?)?;
        dict.set_item("sources", stats.sources.into_iter().collect::<Vec<_>>())?;
        dict.set_item("countries", countries)?;
        Ok(dict)
    }

    fn __len__(&self) -> usize {
        let view = self.inner.view();
        view.trie.len() + view.ported.len()
    }

    fn __repr__(&self) -> String {
        let view = self.inner.view();
        format!(
            "<numdip.Snapshot {:?}: {} prefixes, {} ported numbers>",
            self.path(),
            view.trie.len(),
            view.ported.len()
        )
    }

    /// A pickled snapshot is its path: it is mapped again where it is unpickled.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String, String))> {
        let this = slf.get();
        Ok((slf.get_type().getattr("open")?, (this.path(), this.memory.clone())))
    }
}

//----------- Answer ---------------------------------------------------------

/// What one dip found. Immutable; what is unknown is None.
#[pyclass(frozen, module = "numdip")]
#[derive(Clone)]
pub(crate) struct Answer {
    snapshot: Arc<CoreSnapshot>,
    number: Number,
    network: NetworkRow,
    /// The range of a number that is not ported; see [`range`](Self::range).
    own_range: Option<(Prefix, RangeRow)>,
    ported: bool,
}

impl Answer {
    pub(crate) fn find(snapshot: &Arc<CoreSnapshot>, number: Number) -> Option<Self> {
        let view = snapshot.view();
        Some(Self::of(snapshot, &answer::find(&view, number).ok()?))
    }

    fn find_at(snapshot: &Arc<CoreSnapshot>, number: Number, at: Time) -> Result<Option<Self>, Fault> {
        let answer = answer::find_at(snapshot, number, at)?;
        Ok(answer.ok().map(|answer| Self::of(snapshot, &answer)))
    }

    fn of(snapshot: &Arc<CoreSnapshot>, answer: &answer::Answer<'_>) -> Self {
        Self {
            snapshot: Arc::clone(snapshot),
            number: answer.number,
            network: *answer.network,
            own_range: answer.own_range.map(|(prefix, row)| (prefix, *row)),
            ported: answer.ported,
        }
    }

    /// The range that holds the number. For a ported number it is looked for only now.
    fn range(&self) -> Option<(Prefix, &RangeRow)> {
        match &self.own_range {
            Some((prefix, row)) => Some((*prefix, row)),
            None => answer::range_of(&self.snapshot.view(), self.number),
        }
    }

    fn text(&self, id: U32) -> Option<&str> {
        self.snapshot.view().text(id)
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        let parts = |answer: &Self| {
            let network = answer.network;
            (answer.number, network.mcc, network.mnc, answer.ported, answer.prefix(), answer.portable())
        };
        let row = |answer: &Self| answer.range().map(|(_, row)| (row.country, row.kind));
        let texts = |answer: &Self| answer.network.texts().map(|id| answer.text(id).map(str::to_owned));
        parts(self) == parts(other) && row(self) == row(other) && texts(self) == texts(other)
    }
}

#[pymethods]
impl Answer {
    /// The number asked for, with its leading +.
    #[getter]
    fn number(&self) -> String {
        self.number.aus()
    }

    /// E.212 mobile country code, three digits.
    #[getter]
    fn mcc(&self) -> Option<&str> {
        self.network.mcc()
    }

    /// E.212 mobile network code: two or three digits, leading zeros kept ("012" is not "12").
    #[getter]
    fn mnc(&self) -> Option<&str> {
        self.network.mnc()
    }

    /// Operator name.
    #[getter]
    fn operator(&self) -> Option<&str> {
        self.text(self.network.operator)
    }

    /// ISO 3166-1 alpha-2.
    #[getter]
    fn country(&self) -> Option<&str> {
        self.range()?.1.country()
    }

    /// What the number is for: mobile, fixed, fixed-or-mobile, voip, toll-free, premium, shared-cost,
    /// pager, uan, personal or other.
    #[getter]
    fn kind(&self) -> Option<&'static str> {
        self.range()?.1.kind().map(|kind| kind.name())
    }

    /// The digits that the number's range starts with; None for a ported number that no range holds.
    #[getter]
    fn prefix(&self) -> Option<String> {
        self.range().map(|(prefix, _)| prefix.digits())
    }

    /// Whether the number is listed as ported, so that the network is not its range's.
    #[getter]
    fn ported(&self) -> bool {
        self.ported
    }

    /// Whether numbers of the range are known to move (False: not known to): then a number that is not listed as ported may still be
    /// served by another network than the range's holder, which is what is named here.
    #[getter]
    fn portable(&self) -> bool {
        self.range().is_some_and(|(_, row)| row.is_portable())
    }

    /// Service provider identifier.
    #[getter]
    fn spid(&self) -> Option<&str> {
        self.text(self.network.spid)
    }

    /// Routing number (RFC 4694 §4).
    #[getter]
    fn rn(&self) -> Option<&str> {
        self.text(self.network.rn)
    }

    /// The context of a local routing number (RFC 4694 §4).
    #[getter]
    fn rn_context(&self) -> Option<&str> {
        self.text(self.network.rn_context)
    }

    /// Where what is said here was read.
    #[getter]
    fn source(&self) -> &str {
        self.text(self.network.source).unwrap_or("")
    }

    /// The properties as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("number", self.number())?;
        dict.set_item("mcc", self.mcc())?;
        dict.set_item("mnc", self.mnc())?;
        dict.set_item("operator", self.operator())?;
        dict.set_item("country", self.country())?;
        dict.set_item("kind", self.kind())?;
        dict.set_item("prefix", self.prefix())?;
        dict.set_item("ported", self.ported())?;
        dict.set_item("portable", self.portable())?;
        dict.set_item("spid", self.spid())?;
        dict.set_item("rn", self.rn())?;
        dict.set_item("rn_context", self.rn_context())?;
        dict.set_item("source", self.source())?;
        Ok(dict)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self == other.get())
    }

    fn __ne__(&self, other: &Bound<'_, PyAny>) -> bool {
        !self.__eq__(other)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.number, self.network.mcc, self.network.mnc, self.ported).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let shown = |value: Option<&str>| value.map_or("None".to_owned(), |value| format!("'{value}'"));
        format!(
            "Answer(number='{}', mcc={}, mnc={}, operator={}, country={}, kind={}, ported={})",
            self.number,
            shown(self.mcc()),
            shown(self.mnc()),
            shown(self.operator()),
            shown(self.country()),
            shown(self.kind()),
            if self.ported { "True" } else { "False" },
        )
    }
}

//----------- Explanation ----------------------------------------------------

/// Why a dip gave what it gave.
#[pyclass(frozen, module = "numdip")]
pub(crate) struct Explanation {
    number: Number,
    inner: explain::Explanation,
    answer: Option<Answer>,
}

#[pymethods]
impl Explanation {
    /// The number asked for, with its leading +.
    #[getter]
    fn number(&self) -> String {
        self.number.aus()
    }

    /// Whether the plan says anything about the number.
    #[getter]
    fn found(&self) -> bool {
        self.inner.found
    }

    /// The outcome in one sentence.
    #[getter]
    fn reason(&self) -> &str {
        &self.inner.reason
    }

    /// What was tried, in order, a sentence each.
    #[getter]
    fn steps(&self) -> Vec<String> {
        self.inner.steps.clone()
    }

    /// What lookup gives for the number.
    #[getter]
    fn answer(&self) -> Option<Answer> {
        self.answer.clone()
    }

    fn __str__(&self) -> String {
        let mut text = self.number.aus();
        for step in &self.inner.steps {
            text.push_str("\n  ");
            text.push_str(step);
        }
        text + "\n  → " + &self.inner.reason
    }
}
