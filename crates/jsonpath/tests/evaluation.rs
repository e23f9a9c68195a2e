//! Paths over one document, as a table: what each selects, or in which words it finds nothing.

use jsonpath::JsonPath;
use serde_json::{Value, json};

fn document() -> Value {
    json!({
        "store": {
            "book": [
                {"title": "A", "price": 8, "tags": ["x", "y"]},
                {"title": "B", "price": 12.5, "isbn": "1"},
                {"title": "C", "price": 9}
            ],
            "bicycle": {"price": 19, "color": null}
        },
        "error-info": {"Error": "E"},
        "größe": 3,
        "a b": {"it's": 1, "back\\slash": 2},
        "numbers": [3, 1, 2],
        "none": null,
        "empty": [],
        "wanted": "B",
        "deep": {"deep": {"price": 1}}
    })
}

/// `Ok` is the selected JSON, `Err` the message.
fn check(path: &str, expected: Result<Value, &str>) {
    let document = document();
    let variables = json!({"low": 8, "names": {"first": ["A", "C"]}});
    let compiled = JsonPath::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let found = compiled
        .evaluate_with(&document, &|name| variables.get(name))
        .map(|value| value.into_owned())
        .map_err(|error| error.to_string());
    assert_eq!(found, expected.map_err(str::to_owned), "{path}");
}

#[test]
fn selects() {
    let cases = [
        ("$", document()),
        ("$.numbers", json!([3, 1, 2])),
        ("$.store.book[0].title", json!("A")),
        ("$['store']['book'][0]['title']", json!("A")),
        ("$[\"store\"].bicycle", json!({"price": 19, "color": null})),
        ("$.store.book[-1].title", json!("C")),
        ("$.error-info.Error", json!("E")),
        ("$.größe", json!(3)),
        ("$['a b']['it\\'s']", json!(1)),
        ("$['a b']['back\\slash']", json!(2)),
        ("$['a b']['back\\\\slash']", json!(2)),
        ("$.none", json!(null)),
        ("$.store.bicycle.color", json!(null)),
        (
            "$.store.bicycle['price','color','no']",
            json!({"price": 19, "color": null}),
        ),
        (
            "$.store.book[*]['title','isbn']",
            json!([{"title": "A"}, {"title": "B", "isbn": "1"}, {"title": "C"}]),
        ),
        ("$..['title','isbn']", json!([{"title": "B", "isbn": "1"}])),
        ("$['store','deep'].deep.price", json!([1])),
        ("$.store.['book'].[1].title", json!("B")),
        ("$.store.book[*].title", json!(["A", "B", "C"])),
        ("$.store.book.*.price", json!([8, 12.5, 9])),
        ("$.store.book[*].isbn", json!(["1"])),
        ("$.store.book[0,2].title", json!(["A", "C"])),
        ("$.store.book[1:].title", json!(["B", "C"])),
        ("$.store.book[:2].title", json!(["A", "B"])),
        ("$.store.book[-2:].title", json!(["B", "C"])),
        // Two bounds are taken as written: only a single one counts from the end.
        ("$.store.book[0:-1].title", json!([])),
        ("$.store.book[-3:-1].title", json!(["A", "B"])),
        ("$.numbers[-2:1]", json!([1, 2, 3])),
        ("$.numbers[:-1]", json!([3, 1])),
        ("$.numbers[-9:]", json!([3, 1, 2])),
        ("$.numbers[1:9]", json!([1, 2])),
        // A step is read and ignored.
        ("$.numbers[0:3:2]", json!([3, 1, 2])),
        ("$.numbers[5:]", json!([])),
        ("$..price", json!([8, 12.5, 9, 19, 1])),
        ("$.deep..price", json!([1])),
        ("$..book[0].title", json!(["A"])),
        // Behind a deep scan an index that does not end the path lets every item by.
        ("$..[0].title", json!(["A", "B", "C"])),
        ("$..[?(@.isbn)].title", json!(["B"])),
        // An array that passes the filter itself lets its items by.
        ("$..[?(@.length() == 2)].title", json!(["C"])),
        (
            "$..[0]",
            json!([{"title": "A", "price": 8, "tags": ["x", "y"]}, "x", 3]),
        ),
        ("$.store.book[?(@.price > 8.5)].title", json!(["B", "C"])),
        (
            "$.store.book[?(@.price >= 8 && @.price<9)].title",
            json!(["A"]),
        ),
        (
            "$.store.book[?(@.price == 8 || @.title == 'C')].title",
            json!(["A", "C"]),
        ),
        ("$.store.book[?(@.isbn)].title", json!(["B"])),
        ("$.store.book[?(!@.isbn)].title", json!(["A", "C"])),
        ("$.store.book[?(!(@.price == 8))].title", json!(["B", "C"])),
        ("$.store.book[?(@.title == $.wanted)].price", json!([12.5])),
        (
            "$.store.book[?(@.title in ['A', 'C'])].price",
            json!([8, 9]),
        ),
        (
            "$.store.book[?(@.title nin [\"A\"])].price",
            json!([12.5, 9]),
        ),
        ("$.store.book[?(@.tags contains 'x')].title", json!(["A"])),
        ("$.store.book[?(@.tags size 2)].title", json!(["A"])),
        ("$.store.book[?(@.tags.length() == 2)].title", json!(["A"])),
        ("$.store.book[?(@['title'] == 'B')].price", json!([12.5])),
        ("$.store.book[?(@.title == 1)].price", json!([])),
        ("$.store.book[?(@.price == '8')].title", json!(["A"])),
        ("$.store.book[?('8' == @.price)].title", json!(["A"])),
        ("$.store.book[?(@.price === '8')].title", json!([])),
        ("$.store.book[?(@.price !== 8)].title", json!(["B", "C"])),
        ("$.store.book[?(@.isbn != '1')].title", json!(["A", "C"])),
        (
            "$.store.book[?(@.title =~ /[ab]/i)].title",
            json!(["A", "B"]),
        ),
        ("$.store.book[?(@.title =~ /[ab]/)].title", json!([])),
        (
            "$.store.book[?(/[AC]/ =~ @.title)].title",
            json!(["A", "C"]),
        ),
        ("$.store.book[?(@.tags =~ /y|z/)].title", json!(["A"])),
        (r"$.store.book[?(@.price =~ /\d+\.\d/)].title", json!(["B"])),
        ("$.store.book[?(@.isbn =~ //)].title", json!(["A", "C"])),
        (
            "$.store.book[?(@.tags subsetof ['x','y','z'])].title",
            json!(["A"]),
        ),
        (
            "$.store.book[?(@.tags anyof ['z','y'])].title",
            json!(["A"]),
        ),
        ("$.store.book[?(@.tags noneof ['z'])].title", json!(["A"])),
        ("$.store.book[?(@.price noneof ['z'])].title", json!([])),
        (
            "$.store.book[?(@.title empty false)].title",
            json!(["A", "B", "C"]),
        ),
        ("$.store.book[?(@.title nin @.price)].title", json!([])),
        ("$.store.book[?(@.isbn nin ['1'])].title", json!(["A", "C"])),
        ("$.store.book[?(@.price < $.numbers[0])].title", json!([])),
        (
            "$.store.book[?(@.price > $low && @.title in $names.first)].title",
            json!(["C"]),
        ),
        ("$.store.book[?(@.price > $unassigned)].title", json!([])),
        ("$.numbers[?(@ > 1)]", json!([3, 2])),
        (
            "$..[?(@.color == null)]",
            json!([{"price": 19, "color": null}]),
        ),
        ("$.store.bicycle[?(@.price == 19)].price", json!([19])),
        ("$.numbers.length()", json!(3)),
        ("$.store.book.length()", json!(3)),
        ("$.store.book[*].tags.length()", json!([2])),
        ("$.store.book[*].title.length()", json!([null, null, null])),
        ("$..price.sum()", json!(49.5)),
        ("$..price.length()", json!(0)),
        ("$..tags.length()", json!(2)),
        ("$.wanted.length()", json!(null)),
        ("$.wanted.keys()", json!(null)),
        ("$.numbers.first()", json!(3)),
        ("$.numbers.last()", json!(2)),
        ("$.numbers.sum()", json!(6.0)),
        ("$.numbers.min()", json!(1.0)),
        ("$.numbers.max()", json!(3.0)),
        ("$.numbers.avg()", json!(2.0)),
        ("$.store.bicycle.keys()", json!(["price", "color"])),
        ("$.empty[*]", json!([])),
        ("$.wanted[*]", json!([])),
        ("$.st\\ore.bicycle.price", json!(19)),
        ("$.\\u0073tore.bicycle.price", json!(19)),
    ];
    for (path, expected) in cases {
        check(path, Ok(expected));
    }
}

#[test]
fn finds_nothing_in_the_words_of_the_path_library() {
    let cases = [
        ("$.X", "No results for path: $['X']"),
        ("$.store.X", "No results for path: $['store']['X']"),
        ("$.no.deep", "Missing property in path $['no']"),
        (
            "$.store.no.deep",
            "Missing property in path $['store']['no']",
        ),
        ("$.no[*]", "Missing property in path $['no']"),
        ("$.no.length()", "Missing property in path $['no']"),
        ("$.numbers[7]", "No results for path: $['numbers'][7]"),
        ("$.numbers[-7]", "No results for path: $['numbers'][-7]"),
        (
            "$.numbers[7].x",
            "No results for path: $['numbers'][7]['x']",
        ),
        (
            "$.größe[0]",
            "Filter: [0] can only be applied to arrays. Current context is: 3",
        ),
        (
            "$.größe[0:1]",
            "Filter: [0:1] can only be applied to arrays. Current context is: 3",
        ),
        ("$.none[0]", "The path $['none'] is null"),
        (
            "$.wanted.x",
            "Expected to find an object with property ['x'] in path $['wanted'] but found \
             'java.lang.String'. This is not a json object according to the JsonProvider: \
             'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
        ),
        (
            "$.none['x','y']",
            "Expected to find an object with property ['x','y'] in path $['none'] but found \
             'null'. This is not a json object according to the JsonProvider: \
             'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
        ),
        (
            "$.error-info[0]",
            "Filter: [0] can only be applied to arrays. Current context is: {Error=E}",
        ),
        (
            "$.wanted[?(@.x)]",
            "Filter: [?] can not be applied to primitives. Current context is: B",
        ),
        (
            "$.none[?(@.x)]",
            "Filter: [?] can not be applied to primitives. Current context is: null",
        ),
        (
            "$.wanted.min()",
            "Aggregation function attempted to calculate value using empty array",
        ),
        (
            "$.empty.last()",
            "Aggregation function attempted to calculate value using empty array",
        ),
    ];
    for (path, expected) in cases {
        check(path, Err(expected));
    }
}

#[test]
fn refuses_what_is_no_path() {
    let deep = format!("$[?{}@.a == 1{}]", "(".repeat(100), ")".repeat(100));
    let cases = [
        "",
        "x",
        "$x",
        "$.",
        "$..",
        "$.a.",
        "$[",
        "$[]",
        "$['a'",
        "$['a",
        "$[a]",
        "$.a b",
        "$.a)",
        "$[1",
        "$[1,]",
        "$[?]",
        "$[?()]",
        "$[?(@.a]",
        "$[?(1)]",
        "$[?(@.a ==)]",
        "$[?(@.a == x)]",
        "$[?(@.a =~ /x)]",
        "$[?(@.a =~ /(/)]",
        "$[?(@.a =~ /a{9}{9}{9}{9}{9}{9}/)]",
        "$[?(@.a =~ /x/q)]",
        "$[?(@.a =~ 'x')]",
        "$[:]",
        "$[::2]",
        "$[2147483648]",
        "$.a.concat()",
        "$.a.length().b",
        "$.a.length(1)",
        "$[99999999999999999999]",
        "$ ",
        "$.a\\",
        deep.as_str(),
    ];
    for path in cases {
        assert!(JsonPath::parse(path).is_err(), "{path}");
    }
}

#[test]
fn knows_what_is_definite() {
    let cases = [
        ("$", true),
        ("$.a[0]['b']", true),
        ("$['a','b']", true),
        ("$['a','b'].c", false),
        ("$.a[*]", false),
        ("$..a", false),
        ("$.a[0,1]", false),
        ("$.a[0:1]", false),
        ("$.a[?(@.b)]", false),
        ("$.a.length()", true),
        ("$.a[*].length()", false),
        ("$..a.length()", true),
    ];
    for (path, expected) in cases {
        assert_eq!(
            JsonPath::parse(path).expect("a path").is_definite(),
            expected,
            "{path}"
        );
    }
}

#[test]
fn stops_where_a_path_would_visit_too_much() {
    let wide = Value::Array((0..2000).map(|n| json!([n])).collect());
    let path = JsonPath::parse("$[?(@ nin $..*)]").expect("a path");
    let error = path
        .evaluate(&wide)
        .expect_err("every item looks at every item");
    assert_eq!(
        error.to_string(),
        "The path visits more than 10000000 nodes"
    );
}
