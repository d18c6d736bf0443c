//! `numdip._native.PlanBuilder`: Arrow streams of text columns → checked rows → snapshot file.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{
    Array, Int64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray, UInt64Array,
};
use numdip_core::apex::Apex;
use numdip_core::plan::{
    PlanBuilder as CoreBuilder, Policy, PortedFields, RangeFields, RecordFields, Report, Resources,
    ZoneRecord,
};
use numdip_core::snapshot::append;
use numdip_core::snapshot::lineage::Time;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3_arrow::PyRecordBatchReader;

use crate::errors::Fault;

/// Line, owner, type, TTL and data of a zone's record.
type ZoneTuple = (u64, PyBackedBytes, u16, u32, PyBackedBytes);

//----------- PlanBuilder ----------------------------------------------------

/// Checks the rows of a plan and writes a snapshot.
///
/// on_error "fail" writes nothing if a row is bad, "skip" builds the rest; on_duplicate "fail" calls a
/// second row for the same numbers bad, "last" takes the last one. memory is how many octets to take, half
/// of them for sorting; rows that do not fit are put into files without a name in folder, the system's
/// temporary folder if not given. apex are the domains whose names stand for numbers.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct PlanBuilder {
    /// Gone once written.
    inner: Mutex<Option<CoreBuilder>>,
}

#[pymethods]
impl PlanBuilder {
    #[new]
    #[pyo3(signature = (*, on_error = "fail", on_duplicate = "fail", memory = None, folder = None, apex = None))]
    fn new(
        on_error: &str,
        on_duplicate: &str,
        memory: Option<usize>,
        folder: Option<PathBuf>,
        apex: Option<Vec<String>>,
    ) -> PyResult<Self> {
        let default = Resources::default();
        let policy = policy(on_error, on_duplicate)?;
        let resources =
            Resources { memory: memory.unwrap_or(default.memory), folder: folder.unwrap_or(default.folder) };
        let mut builder = CoreBuilder::with_resources(policy, &resources);
        if let Some(names) = apex {
            let of_name = |name: &String| {
                Apex::new(name).map_err(|error| PyValueError::new_err(format!("apex {name:?}: {error}")))
            };
            builder.set_apexes(names.iter().map(of_name).collect::<PyResult<_>>()?);
        }
        Ok(Self { inner: Mutex::new(Some(builder)) })
    }

    /// Adds the rows of a ranges file and gives their count.
    ///
    /// stream has __arrow_c_stream__ and columns of text: prefix, mcc, mnc and any of min_length,
    /// max_length, country, kind, operator, portable, source. first_line is the line in the file of the
    /// stream's first row. With a database, file names one of its queries and first_line counts the rows of
    /// the query's result. Raises PlanError when a column is missing or is not text.
    #[pyo3(signature = (stream, *, file, first_line = 2, database = None))]
    fn add_ranges(
        &self,
        py: Python<'_>,
        stream: PyRecordBatchReader,
        file: &str,
        first_line: u64,
        database: Option<&str>,
    ) -> Result<u64, Fault> {
        self.add(py, stream, Origin { file, first_line, database }, |builder, batch, line| {
            let column = |name, required| Column::of(batch, name, required, file);
            let (prefix, mcc, mnc) = (column("prefix", true)?, column("mcc", true)?, column("mnc", true)?);
            let (min_length, max_length) = (column("min_length", false)?, column("max_length", false)?);
            let (country, kind) = (column("country", false)?, column("kind", false)?);
            let (operator, portable) = (column("operator", false)?, column("portable", false)?);
            let source = column("source", false)?;
            for row in 0..batch.num_rows() {
                let fields = RangeFields {
                    prefix: prefix.get(row),
                    min_length: min_length.get(row),
                    max_length: max_length.get(row),
                    country: country.get(row),
                    kind: kind.get(row),
                    mcc: mcc.get(row),
                    mnc: mnc.get(row),
                    operator: operator.get(row),
                    portable: portable.get(row),
                    source: source.get(row),
                };
                builder.add_range(line + row as u64, &fields);
            }
            Ok(())
        })
    }

    /// Adds the rows of a ported-numbers file and gives their count.
    ///
    /// The same as add_ranges, with the columns number, mcc, mnc and any of operator, spid, rn, rn_context;
    /// number may hold 64-bit integers. Raises SnapshotError when a temporary file cannot be written.
    #[pyo3(signature = (stream, *, file, first_line = 2, database = None))]
    fn add_ported(
        &self,
        py: Python<'_>,
        stream: PyRecordBatchReader,
        file: &str,
        first_line: u64,
        database: Option<&str>,
    ) -> Result<u64, Fault> {
        self.add(py, stream, Origin { file, first_line, database }, |builder, batch, line| {
            let (columns, mut digits) = (PortedColumns::of(batch, file)?, String::new());
            for row in 0..batch.num_rows() {
                let fields = columns.get(row, &mut digits);
                builder.add_ported(line + row as u64, &fields)?;
            }
            Ok(())
        })
    }

    /// Adds the rows of a file of NAPTR records and gives their count.
    ///
    /// The same as add_ranges, with the columns name, services, regexp and any of order, preference, flags,
    /// replacement, ttl. Without a column flags, rules have the flag u. A name is a number with its +, a prefix as in +44*, or an owner name.
    #[pyo3(signature = (stream, *, file, first_line = 2, database = None))]
    fn add_records(
        &self,
        py: Python<'_>,
        stream: PyRecordBatchReader,
        file: &str,
        first_line: u64,
        database: Option<&str>,
    ) -> Result<u64, Fault> {
        self.add(py, stream, Origin { file, first_line, database }, |builder, batch, line| {
            let column = |name, required| Column::of(batch, name, required, file);
            let (name, services, regexp) =
                (column("name", true)?, column("services", true)?, column("regexp", true)?);
            let (order, preference) = (column("order", false)?, column("preference", false)?);
            let (flags, replacement, ttl) =
                (column("flags", false)?, column("replacement", false)?, column("ttl", false)?);
            for row in 0..batch.num_rows() {
                let fields = RecordFields {
                    name: name.get(row),
                    order: order.get(row),
                    preference: preference.get(row),
                    flags: match &flags {
                        // A rule without a flag would lead nowhere (RFC 6116 §3.4.2).
                        Column::Absent if !regexp.get(row).is_empty() => "u",
                        flags => flags.get(row),
                    },
                    services: services.get(row),
                    regexp: regexp.get(row),
                    replacement: replacement.get(row),
                    ttl: ttl.get(row),
                };
                builder.add_record(line + row as u64, &fields);
            }
            Ok(())
        })
    }

    /// Adds records of a zone and gives their count.
    ///
    /// records are tuples of line, owner (wire form), type, TTL and data (wire form); names are not compressed.
    /// NAPTR records under an apex are those of numbers and, under a wildcard, of prefixes.
    #[pyo3(signature = (records, *, file))]
    fn add_zone_records(&self, records: Vec<ZoneTuple>, file: &str) -> Result<usize, Fault> {
        let mut inner = self.inner.lock().map_err(|_| ended())?;
        let builder = inner.as_mut().ok_or_else(ended)?;
        builder.begin_file(file);
        for (line, name, rtype, ttl, rdata) in &records {
            let record = ZoneRecord { name, rtype: *rtype, ttl: *ttl, rdata };
            builder.add_zone_record(*line, &record);
        }
        Ok(records.len())
    }

    /// Writes the snapshot to path, whole or not at all, and ends the builder.
    ///
    /// meta is JSON text to keep with the plan; time says from when on the plan holds, in seconds since 1970
    /// UTC, 0 if that is not known; progress is called with the count of ported rows written so far and the
    /// count of all. Layers of a plan that was at path before are its no longer. Raises PlanError, whose text
    /// is the report, when rows are bad and on_error is "fail", and SnapshotError when the file or a temporary
    /// one cannot be written; what progress or a signal handler raises ends the writing.
    #[pyo3(signature = (path, *, meta = "{}", time = 0, progress = None))]
    fn write(
        &self,
        py: Python<'_>,
        path: PathBuf,
        meta: &str,
        time: i64,
        progress: Option<Py<PyAny>>,
    ) -> Result<PlanReport, Fault> {
        let time = in_calendar(time)?;
        py.detach(|| {
            let mut builder = self.take()?;
            builder.set_time(time);
            let mut raised = None;
            let mut watch = |done, total| {
                let told = Python::attach(|py| {
                    py.check_signals()?;
                    progress.as_ref().map_or(Ok(()), |progress| progress.call1(py, (done, total)).map(drop))
                });
                told.map_err(|error| raised = Some(error)).is_ok()
            };
            let built = builder.finish_watched(meta, &mut watch);
            if let Some(error) = raised {
                return Err(error.into());
            }
            let (sections, report) = built?;
            append::replace_plan(&sections, &path)?;
            Ok(PlanReport(report))
        })
    }
}

impl PlanBuilder {
    /// Hands each batch of a stream to `add_batch`, with the line of its first row.
    fn add(
        &self,
        py: Python<'_>,
        stream: PyRecordBatchReader,
        origin: Origin<'_>,
        mut add_batch: impl FnMut(&mut CoreBuilder, &RecordBatch, u64) -> Result<(), Fault> + Send,
    ) -> Result<u64, Fault> {
        let Origin { file, first_line, database } = origin;
        add_batches(py, stream, file, &self.inner, |builder, batch, row| {
            if row == 0 {
                match database {
                    Some(database) => builder.begin_query(file, database),
                    None => builder.begin_file(file),
                }
            }
            add_batch(builder, batch, first_line + row)
        })
    }

    fn take(&self) -> Result<CoreBuilder, Fault> {
        self.inner.lock().ok().and_then(|mut inner| inner.take()).ok_or_else(ended)
    }
}

/// Hands each batch of a stream to `add_batch`, with the count of the rows before it; gives the count of all.
pub(crate) fn add_batches<B: Send>(
    py: Python<'_>,
    stream: PyRecordBatchReader,
    file: &str,
    builder: &Mutex<Option<B>>,
    mut add_batch: impl FnMut(&mut B, &RecordBatch, u64) -> Result<(), Fault> + Send,
) -> Result<u64, Fault> {
    let reader = stream.into_reader()?;
    py.detach(|| {
        let mut inner = builder.lock().map_err(|_| ended())?;
        let builder = inner.as_mut().ok_or_else(ended)?;
        let mut rows = 0;
        for batch in reader {
            let batch = batch.map_err(|error| Fault::Plan(format!("{file}: {error}")))?;
            add_batch(builder, &batch, rows)?;
            rows += batch.num_rows() as u64;
        }
        Ok(rows)
    })
}

/// Where a stream's rows come from.
struct Origin<'a> {
    /// A file, or a query if there is a database.
    file: &'a str,
    first_line: u64,
    database: Option<&'a str>,
}

pub(crate) fn ended() -> Fault {
    PyRuntimeError::new_err("this builder has written its snapshot: make another").into()
}

/// A time that a file can have.
pub(crate) fn in_calendar(seconds: i64) -> PyResult<Time> {
    match seconds {
        0..=253_402_300_799 => Ok(Time(seconds)),
        other => Err(PyValueError::new_err(format!("time is from 1970 to 9999, not {other} s since 1970"))),
    }
}

/// What the words for bad rows and for second ones mean.
pub(crate) fn policy(on_error: &str, on_duplicate: &str) -> PyResult<Policy> {
    Ok(Policy {
        skip_bad_rows: one_of("on_error", on_error, ["fail", "skip"])?,
        last_duplicate_wins: one_of("on_duplicate", on_duplicate, ["fail", "last"])?,
    })
}

/// Whether `value` is the second of the two words that an argument can be.
fn one_of(argument: &str, value: &str, words: [&str; 2]) -> PyResult<bool> {
    match words.iter().position(|word| *word == value) {
        Some(place) => Ok(place == 1),
        None => Err(PyValueError::new_err(format!(
            "{argument} is {:?} or {:?}, not {value:?}",
            words[0], words[1]
        ))),
    }
}

//----------- Column ---------------------------------------------------------

/// A column of text in any of Arrow's layouts; null and a column that is not there are empty text.
pub(crate) enum Column<'a> {
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
    Absent,
}

impl<'a> Column<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, name: &str, required: bool, file: &str) -> Result<Self, Fault> {
        let Some(array) = batch.column_by_name(name) else {
            return match required {
                true => Err(Fault::Plan(format!("{file}: column \"{name}\" is missing"))),
                false => Ok(Self::Absent),
            };
        };
        let text = array.as_string_opt::<i32>().map(Self::Small);
        text.or_else(|| array.as_string_opt::<i64>().map(Self::Large))
            .or_else(|| array.as_string_view_opt().map(Self::View))
            .ok_or_else(|| {
                Fault::Plan(format!("{file}: column \"{name}\" is {}, expected text", array.data_type()))
            })
    }

    pub(crate) fn get(&self, row: usize) -> &'a str {
        let value =
            |array: &'a dyn Array, value: fn(&'a dyn Array, usize) -> &'a str| match array.is_null(row) {
                true => "",
                false => value(array, row),
            };
        match self {
            Self::Small(array) => value(*array, |array, row| array.as_string::<i32>().value(row)),
            Self::Large(array) => value(*array, |array, row| array.as_string::<i64>().value(row)),
            Self::View(array) => value(*array, |array, row| array.as_string_view().value(row)),
            Self::Absent => "",
        }
    }
}

/// A column of digits: text, or integers, which lose no digit as no number starts with 0.
enum Digits<'a> {
    Text(Column<'a>),
    Signed(&'a Int64Array),
    Unsigned(&'a UInt64Array),
}

impl<'a> Digits<'a> {
    fn of(batch: &'a RecordBatch, name: &str, file: &str) -> Result<Self, Fault> {
        let array = batch.column_by_name(name);
        let signed = array.and_then(|array| array.as_primitive_opt::<Int64Type>()).map(Self::Signed);
        let unsigned = || array.and_then(|array| array.as_primitive_opt::<UInt64Type>()).map(Self::Unsigned);
        signed.or_else(unsigned).map_or_else(|| Ok(Self::Text(Column::of(batch, name, true, file)?)), Ok)
    }

    /// The digits of a row, with `digits` as room for those of an integer; null is empty.
    fn get<'b>(&self, row: usize, digits: &'b mut String) -> &'b str
    where
        'a: 'b,
    {
        digits.clear();
        // Writing to a String does not fail.
        let _ = match self {
            Self::Text(column) => return column.get(row),
            Self::Signed(array) if array.is_valid(row) => write!(digits, "{}", array.value(row)),
            Self::Unsigned(array) if array.is_valid(row) => write!(digits, "{}", array.value(row)),
            Self::Signed(_) | Self::Unsigned(_) => Ok(()),
        };
        digits
    }
}

/// The columns that say which network a number was ported to.
pub(crate) struct PortedColumns<'a> {
    number: Digits<'a>,
    mcc: Column<'a>,
    mnc: Column<'a>,
    operator: Column<'a>,
    spid: Column<'a>,
    rn: Column<'a>,
    rn_context: Column<'a>,
}

impl<'a> PortedColumns<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, file: &str) -> Result<Self, Fault> {
        let column = |name, required| Column::of(batch, name, required, file);
        Ok(Self {
            number: Digits::of(batch, "number", file)?,
            mcc: column("mcc", true)?,
            mnc: column("mnc", true)?,
            operator: column("operator", false)?,
            spid: column("spid", false)?,
            rn: column("rn", false)?,
            rn_context: column("rn_context", false)?,
        })
    }

    /// The fields of a row, with `digits` as room for those of an integer.
    pub(crate) fn get<'b>(&self, row: usize, digits: &'b mut String) -> PortedFields<'b>
    where
        'a: 'b,
    {
        PortedFields {
            number: self.number.get(row, digits),
            mcc: self.mcc.get(row),
            mnc: self.mnc.get(row),
            operator: self.operator.get(row),
            spid: self.spid.get(row),
            rn: self.rn.get(row),
            rn_context: self.rn_context.get(row),
        }
    }
}

//----------- PlanReport -----------------------------------------------------

/// What building a plan found.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct PlanReport(Report);

#[pymethods]
impl PlanReport {
    /// Range rows in the plan.
    #[getter]
    fn ranges(&self) -> usize {
        self.0.ranges
    }

    /// Ported numbers in the plan.
    #[getter]
    fn ported(&self) -> usize {
        self.0.ported
    }

    /// Distinct networks in the plan.
    #[getter]
    fn networks(&self) -> usize {
        self.0.networks
    }

    /// DNS records of numbers, prefixes and names in the plan.
    #[getter]
    fn records(&self) -> usize {
        self.0.records
    }

    /// Bad rows that were left out.
    #[getter]
    fn left_out(&self) -> u64 {
        self.0.fault_count()
    }

    /// Rows that a later one replaced.
    #[getter]
    fn replaced(&self) -> u64 {
        self.0.replaced
    }

    /// The first 100 faults, a line each.
    #[getter]
    fn faults(&self) -> Vec<String> {
        self.0.faults().to_vec()
    }
}
