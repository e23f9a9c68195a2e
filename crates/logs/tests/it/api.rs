//! Groups and streams: made, listed, tagged, kept for a time, deleted; and every refusal.

use serde_json::{Value, json};

use crate::world::{DAY, NOW, World, messages};

#[tokio::test]
async fn groups_are_made_listed_in_pages_and_deleted() {
    let world = World::new();
    for number in 0..7 {
        let input = json!({ "logGroupName": format!("/aws/{number}") });
        world.ok("CreateLogGroup", input).await;
    }
    world
        .ok("CreateLogGroup", json!({ "logGroupName": "other" }))
        .await;
    let mut names = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut input = json!({ "logGroupNamePrefix": "/aws/", "limit": 3 });
        if token.is_string() {
            input["nextToken"] = token;
        }
        let page = world.ok("DescribeLogGroups", input).await;
        for group in page["logGroups"].as_array().expect("groups") {
            names.push(group["logGroupName"].as_str().expect("a name").to_owned());
        }
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    let expected: Vec<_> = (0..7).map(|number| format!("/aws/{number}")).collect();
    assert_eq!(names, expected);
    let page = world
        .ok("DescribeLogGroups", json!({ "logGroupNamePattern": "OTH" }))
        .await;
    assert_eq!(
        page["logGroups"],
        json!([{
            "logGroupName": "other", "creationTime": NOW, "metricFilterCount": 0,
            "arn": "arn:aws:logs:us-east-1:000000000000:log-group:other:*",
            "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:other",
            "storedBytes": 0, "logGroupClass": "STANDARD",
        }])
    );
    world
        .ok("DeleteLogGroup", json!({ "logGroupName": "other" }))
        .await;
    let page = world
        .ok(
            "DescribeLogGroups",
            json!({ "logGroupNamePrefix": "other" }),
        )
        .await;
    assert_eq!(page, json!({ "logGroups": [] }));
}

#[tokio::test]
async fn refusals_have_awss_codes_and_texts() {
    let world = World::new().with_stream().await;
    let group = json!({ "logGroupName": "g" });
    let nobody = json!({ "logGroupName": "nobody" });
    let stream =
        |group: &str, stream: &str| json!({ "logGroupName": group, "logStreamName": stream });
    let no_group = "ResourceNotFoundException: The specified log group does not exist.";
    let no_stream = "ResourceNotFoundException: The specified log stream does not exist.";
    let put = |group: &str, stream: &str| {
        json!({ "logGroupName": group, "logStreamName": stream,
                "logEvents": [{ "timestamp": NOW, "message": "x" }] })
    };
    let cases = [
        (
            "CreateLogGroup",
            group.clone(),
            "ResourceAlreadyExistsException: The specified log group already exists",
        ),
        (
            "CreateLogStream",
            stream("g", "s"),
            "ResourceAlreadyExistsException: The specified log stream already exists",
        ),
        ("CreateLogStream", stream("nobody", "s"), no_group),
        ("DeleteLogGroup", nobody.clone(), no_group),
        ("DeleteLogStream", stream("nobody", "s"), no_group),
        ("DeleteLogStream", stream("g", "nobody"), no_stream),
        ("DescribeLogStreams", nobody.clone(), no_group),
        (
            "DescribeLogStreams",
            json!({ "logGroupName": "g", "orderBy": "LastEventTime", "logStreamNamePrefix": "s" }),
            "InvalidParameterException: Cannot order by LastEventTime with a logStreamNamePrefix.",
        ),
        ("PutLogEvents", put("nobody", "s"), no_group),
        ("PutLogEvents", put("g", "nobody"), no_stream),
        ("GetLogEvents", stream("nobody", "s"), no_group),
        ("GetLogEvents", stream("g", "nobody"), no_stream),
        (
            "GetLogEvents",
            json!({ "logGroupName": "g", "logStreamName": "s", "nextToken": "x" }),
            "InvalidParameterException: The specified nextToken is invalid.",
        ),
        ("FilterLogEvents", nobody.clone(), no_group),
        (
            "FilterLogEvents",
            json!({ "logGroupName": "g", "filterPattern": "{ broken" }),
            "InvalidParameterException: Invalid filter pattern",
        ),
        (
            "FilterLogEvents",
            json!({ "logGroupName": "g", "logStreamNames": ["nobody"] }),
            no_stream,
        ),
        (
            "PutRetentionPolicy",
            json!({ "logGroupName": "nobody", "retentionInDays": 1 }),
            no_group,
        ),
        ("ListTagsLogGroup", nobody, no_group),
        (
            "CreateLogGroup",
            json!({ "logGroupName": "a b" }),
            "InvalidParameterException: 1 validation error detected: Value 'a b' at 'logGroupName' failed to \
          satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+",
        ),
        (
            "StartQuery",
            json!({}),
            "UnsupportedOperation: stepd does not support logs:StartQuery yet.",
        ),
        (
            "StartLiveTail",
            json!({}),
            "UnsupportedOperation: stepd does not support logs:StartLiveTail yet.",
        ),
    ];
    for (operation, input, expected) in cases {
        assert_eq!(
            world.refused(operation, input).await,
            expected,
            "{operation}"
        );
    }
    let refused = world
        .refused(
            "PutRetentionPolicy",
            json!({ "logGroupName": "g", "retentionInDays": 2 }),
        )
        .await;
    assert!(
        refused.starts_with("InvalidParameterException: "),
        "{refused}"
    );
}

#[tokio::test]
async fn streams_are_listed_by_name_and_by_their_last_event() {
    let world = World::new().with_stream().await;
    for (name, at) in [("a", 3), ("b", 1), ("c", 2)] {
        world.stream(name).await;
        world.put(name, &[(NOW + at, "x")]).await;
    }
    let names = async |input: Value| {
        let (mut names, mut input) = (Vec::new(), input);
        input["logGroupName"] = "g".into();
        input["limit"] = 2.into();
        loop {
            let page = world.ok("DescribeLogStreams", input.clone()).await;
            for stream in page["logStreams"].as_array().expect("streams") {
                names.push(stream["logStreamName"].as_str().expect("a name").to_owned());
            }
            match page.get("nextToken") {
                Some(token) => input["nextToken"] = token.clone(),
                None => return names.concat(),
            }
        }
    };
    assert_eq!(names(json!({})).await, "abcs");
    assert_eq!(names(json!({ "descending": true })).await, "scba");
    assert_eq!(names(json!({ "logStreamNamePrefix": "b" })).await, "b");
    let by_time = json!({ "orderBy": "LastEventTime" });
    assert_eq!(names(by_time).await, "sbca");
    let by_time = json!({ "orderBy": "LastEventTime", "descending": true });
    assert_eq!(names(by_time).await, "acbs");
    let page = world
        .ok(
            "DescribeLogStreams",
            json!({ "logGroupName": "g", "logStreamNamePrefix": "a" }),
        )
        .await;
    let stream = &page["logStreams"][0];
    assert_eq!(
        stream["arn"],
        "arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:a"
    );
    assert_eq!(
        (
            &stream["firstEventTimestamp"],
            &stream["lastEventTimestamp"]
        ),
        (&json!(NOW + 3), &json!(NOW + 3))
    );
    let page = world
        .ok("DescribeLogGroups", json!({ "logGroupNamePrefix": "g" }))
        .await;
    assert_eq!(page["logGroups"][0]["storedBytes"], 3 * 27);
}

#[tokio::test]
async fn tags_are_kept_by_both_families_of_operations() {
    let world = World::new();
    let input = json!({ "logGroupName": "g", "tags": { "a": "1" } });
    world.ok("CreateLogGroup", input).await;
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g";
    let input = json!({ "resourceArn": arn, "tags": { "b": "2", "a": "3" } });
    world.ok("TagResource", input).await;
    let listed = world
        .ok("ListTagsLogGroup", json!({ "logGroupName": "g" }))
        .await;
    assert_eq!(listed, json!({ "tags": { "a": "3", "b": "2" } }));
    let input = json!({ "logGroupName": "g", "tags": ["a"] });
    world.ok("UntagLogGroup", input).await;
    let listed = world
        .ok("ListTagsForResource", json!({ "resourceArn": arn }))
        .await;
    assert_eq!(listed, json!({ "tags": { "b": "2" } }));
}

#[tokio::test]
async fn retention_hides_at_once_and_removes_when_it_is_swept() {
    let world = World::new().with_stream().await;
    world.put("s", &[(NOW, "old")]).await;
    world.pass(2 * DAY);
    world.put("s", &[(NOW + 2 * DAY, "new")]).await;
    let read = async || {
        let page = world
            .ok("FilterLogEvents", json!({ "logGroupName": "g" }))
            .await;
        messages(&page).concat()
    };
    assert_eq!(read().await, "oldnew");
    let input = json!({ "logGroupName": "g", "retentionInDays": 1 });
    world.ok("PutRetentionPolicy", input).await;
    assert_eq!(read().await, "new");
    // Nothing was removed yet: without the policy it is there again.
    world
        .ok("DeleteRetentionPolicy", json!({ "logGroupName": "g" }))
        .await;
    assert_eq!(read().await, "oldnew");
    let input = json!({ "logGroupName": "g", "retentionInDays": 1 });
    world.ok("PutRetentionPolicy", input).await;
    world.logs.sweep().await.expect("a sweep");
    world
        .ok("DeleteRetentionPolicy", json!({ "logGroupName": "g" }))
        .await;
    assert_eq!(read().await, "new");
    let page = world.ok("DescribeLogGroups", json!({})).await;
    assert_eq!(page["logGroups"][0]["storedBytes"], 29);
}
