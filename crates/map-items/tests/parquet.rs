//! Rows of Parquet files, of every type and codec that AWS reads.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use map_items::{FormatError, ParquetItems};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::BoolType;
use parquet::data_type::{
    ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// Writes a file of `schema` whose row groups `write` fills, and reads it.
fn rows(
    schema: &str,
    codec: Compression,
    groups: usize,
    write: impl Fn(&mut SerializedRowGroupWriter<'_, File>),
) -> Result<Vec<String>, FormatError> {
    let file = tempfile::tempfile().expect("a file");
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let properties = WriterProperties::builder().set_compression(codec).build();
    let mut writer = SerializedFileWriter::new(
        file.try_clone().expect("the file"),
        schema,
        Arc::new(properties),
    )
    .expect("a writer");
    for _ in 0..groups {
        let mut group = writer.next_row_group().expect("a row group");
        write(&mut group);
        group.close().expect("a whole row group");
    }
    writer.close().expect("a whole file");
    read(file)
}

fn read(file: File) -> Result<Vec<String>, FormatError> {
    let mut items = ParquetItems::open(file)?;
    let mut rows = Vec::new();
    while let Some(item) = items.next_item()? {
        rows.push(item.value.to_string());
    }
    Ok(rows)
}

/// Writes the next column, of which each value is there.
macro_rules! column {
    ($group:expr, $kind:ty, $values:expr) => {{
        let mut column = $group
            .next_column()
            .expect("a column")
            .expect("one is left");
        column
            .typed::<$kind>()
            .write_batch(&$values, None, None)
            .expect("values");
        column.close().expect("a whole column");
    }};
}

#[test]
fn every_codec_and_several_row_groups() {
    let schema = "message m { required int64 id; required binary name (UTF8); }";
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let found = rows(schema, codec, 2, |group| {
            column!(group, Int64Type, [1, 2]);
            column!(
                group,
                ByteArrayType,
                [ByteArray::from("x"), ByteArray::from("é")]
            );
        });
        let group = [r#"{"id":1,"name":"x"}"#, r#"{"id":2,"name":"é"}"#];
        assert_eq!(found, Ok([group, group].concat().map_owned()), "{codec:?}");
    }
}

trait MapOwned {
    fn map_owned(&self) -> Vec<String>;
}

impl MapOwned for Vec<&str> {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

#[test]
fn every_type() {
    let schema = "message m {
        required boolean yes;
        required int32 small (INT_8);
        required int32 number;
        required int64 unsigned (UINT_64);
        required float single;
        required double double;
        required double none;
        required binary text (UTF8);
        required binary json (JSON);
        required binary bytes;
        required fixed_len_byte_array(2) fixed;
        required int32 price (DECIMAL(8,2));
        required int32 day (DATE);
        required int32 time (TIME_MILLIS);
        required int64 at (TIMESTAMP_MILLIS);
        required int64 exactly (TIMESTAMP_MICROS);
    }";
    let found = rows(schema, Compression::UNCOMPRESSED, 1, |group| {
        column!(group, BoolType, [true]);
        column!(group, Int32Type, [-7]);
        column!(group, Int32Type, [i32::MIN]);
        column!(group, Int64Type, [-1]);
        column!(group, FloatType, [0.1f32]);
        column!(group, DoubleType, [1e300]);
        column!(group, DoubleType, [f64::NAN]);
        column!(group, ByteArrayType, [ByteArray::from("a\"b")]);
        column!(group, ByteArrayType, [ByteArray::from("{\"a\":1}")]);
        column!(group, ByteArrayType, [ByteArray::from(vec![0u8, 255])]);
        column!(
            group,
            FixedLenByteArrayType,
            [FixedLenByteArray::from(vec![1u8, 2])]
        );
        column!(group, Int32Type, [-12345]);
        column!(group, Int32Type, [19_000]);
        column!(group, Int32Type, [3_723_004]);
        column!(group, Int64Type, [1_668_699_881_000]);
        column!(group, Int64Type, [1_668_699_881_000_001]);
    });
    let row = concat!(
        r#"{"yes":true,"small":-7,"number":-2147483648,"unsigned":18446744073709551615,"#,
        r#""single":0.1,"double":1e+300,"none":null,"text":"a\"b","json":"{\"a\":1}","#,
        r#""bytes":"AP8=","fixed":"AQI=","price":"-123.45","day":"2022-01-08","#,
        r#""time":"01:02:03.004","at":"2022-11-17T15:44:41.000Z","#,
        r#""exactly":"2022-11-17T15:44:41.000001Z"}"#
    );
    assert_eq!(found, Ok(vec![row.to_owned()]));
}

#[test]
fn nothing_lists_and_maps() {
    let schema = "message m {
        optional int32 number;
        required group tags (LIST) { repeated group list { required int32 element; } }
        required group ages (MAP) { repeated group key_value { required binary key (UTF8); required int32 value; } }
        required group inner { required int32 a; }
    }";
    let found = rows(schema, Compression::SNAPPY, 1, |group| {
        let mut levels = |values: &[i32], definition: &[i16], repetition: &[i16]| {
            let mut column = group.next_column().expect("a column").expect("one is left");
            let typed = column.typed::<Int32Type>();
            let written = typed.write_batch(values, Some(definition), Some(repetition));
            written.expect("values");
            column.close().expect("a whole column");
        };
        levels(&[5], &[1, 0], &[0, 0]);
        levels(&[1, 2], &[1, 1, 0], &[0, 1, 0]);
        let mut column = group.next_column().expect("a column").expect("one is left");
        let names = [ByteArray::from("x"), ByteArray::from("y")];
        let typed = column.typed::<ByteArrayType>();
        typed
            .write_batch(&names, Some(&[1, 1, 0]), Some(&[0, 1, 0]))
            .expect("values");
        column.close().expect("a whole column");
        let mut levels = |values: &[i32], definition: &[i16], repetition: &[i16]| {
            let mut column = group.next_column().expect("a column").expect("one is left");
            let typed = column.typed::<Int32Type>();
            let written = typed.write_batch(values, Some(definition), Some(repetition));
            written.expect("values");
            column.close().expect("a whole column");
        };
        levels(&[10, 20], &[1, 1, 0], &[0, 1, 0]);
        levels(&[7, 8], &[0, 0], &[0, 0]);
    });
    let expected = [
        r#"{"number":5,"tags":[1,2],"ages":{"x":10,"y":20},"inner":{"a":7}}"#,
        r#"{"number":null,"tags":[],"ages":{},"inner":{"a":8}}"#,
    ];
    assert_eq!(found, Ok(expected.to_vec().map_owned()));
}

#[test]
fn what_is_no_parquet_file_is_told() {
    for bytes in [
        &b""[..],
        b"PAR1",
        b"a,b\n1,2\n",
        b"\0\0\0\0PAR1",
        b"PAR1\xFF\xFF\xFF\x00PAR1",
        b"PAR1\xFF\xFF\xFF\xFFPAR1",
    ] {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("a file");
        let found = read(file);
        assert!(
            matches!(found, Err(FormatError::Parquet(_))),
            "{bytes:?}: {found:?}"
        );
    }
}
