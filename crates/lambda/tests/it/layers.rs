//! Layers: what functions find in them, and what is said of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::world::{World, archive, is_there};

const LAYER: &str = "arn:aws:lambda:us-east-1:000000000000:layer:";

async fn publish(world: &World, name: &str, files: &[(&str, &str)]) -> Value {
    let input = json!({
        "LayerName": name, "Description": "d", "CompatibleRuntimes": ["nodejs20.x"],
        "Content": {"ZipFile": STANDARD.encode(archive(files))},
    });
    let made = world.call("PublishLayerVersion", input).await;
    made.expect("published")
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_find_what_their_layers_hold() {
    let mut world = World::new().await;
    let module = "module.exports = 'from the first'";
    let first = [
        ("nodejs/node_modules/shared/index.js", module),
        (
            "nodejs/node_modules/only/index.js",
            "module.exports = 'only'",
        ),
        ("python/shared.py", "WHO = 'python'"),
    ];
    let second = [(
        "nodejs/node_modules/shared/index.js",
        "module.exports = 'from the last'",
    )];
    let made = publish(&world, "one", &first).await;
    assert_eq!(
        (
            &made["LayerArn"],
            &made["LayerVersionArn"],
            &made["Version"]
        ),
        (
            &json!(format!("{LAYER}one")),
            &json!(format!("{LAYER}one:1")),
            &json!(1)
        )
    );
    publish(&world, "two", &second).await;
    let layers = json!({"Layers": [format!("{LAYER}one:1"), format!("{LAYER}two:1")]});
    let cases = [
        (
            "node",
            "commonjs",
            "nodejs20.x",
            "index.js",
            "exports.handler = async () => [require('shared'), require('only')]",
            json!(["from the last", "only"]),
        ),
        (
            "node",
            "module",
            "nodejs20.x",
            "index.mjs",
            "import shared from 'shared'; import only from 'only'; export const handler = async () => [shared, only]",
            json!(["from the last", "only"]),
        ),
        (
            "python3",
            "python",
            "python3.12",
            "index.py",
            "import shared\ndef handler(event, context):\n    return shared.WHO\n",
            json!("python"),
        ),
    ];
    for (program, name, runtime, file, code, _) in &cases {
        if is_there(program) {
            let made = world
                .create(
                    name,
                    runtime,
                    "index.handler",
                    &[(file, code)],
                    layers.clone(),
                )
                .await;
            let shown = made["Layers"].as_array().expect("a list").iter();
            let shown: Vec<&str> = shown.filter_map(|layer| layer["Arn"].as_str()).collect();
            assert_eq!(json!(shown), layers["Layers"]);
        }
    }
    // What is deleted stays for those who use it.
    let gone = json!({"LayerName": "one", "VersionNumber": 1});
    world
        .call("DeleteLayerVersion", gone.clone())
        .await
        .expect("deleted");
    world.restart(|_| {}).await;
    for (program, name, _, _, _, expected) in cases {
        if is_there(program) {
            let answer = world.invoke(name, json!({})).await;
            assert_eq!(answer.json(), expected, "{name}");
        }
    }
    let absent = world.call("GetLayerVersion", gone).await.expect_err("gone");
    assert_eq!(absent.message, "The resource you requested does not exist.");
    assert_eq!(
        publish(&world, "one", &second).await["Version"],
        2,
        "no number is given twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_are_listed_and_refused() {
    let world = World::new().await;
    let files = [("a.txt", "a")];
    for _ in 0..3 {
        publish(&world, "l", &files).await;
    }
    publish(&world, "m", &files).await;
    let listed = world.call(
        "ListLayerVersions",
        json!({"LayerName": "l", "MaxItems": 2}),
    );
    let listed = listed.await.expect("listed");
    let numbers = |page: &Value| -> Vec<u64> {
        let all = page["LayerVersions"].as_array().expect("a list").iter();
        all.filter_map(|version| version["Version"].as_u64())
            .collect()
    };
    assert_eq!(numbers(&listed), [3, 2]);
    let rest = json!({"LayerName": "l", "Marker": listed["NextMarker"]});
    assert_eq!(
        numbers(&world.call("ListLayerVersions", rest).await.expect("listed")),
        [1]
    );
    let layers = world.call("ListLayers", json!({"CompatibleRuntime": "nodejs20.x"}));
    let layers = layers.await.expect("listed");
    assert_eq!(
        (
            &layers["Layers"][0]["LatestMatchingVersion"]["Version"],
            &layers["Layers"][1]["LayerName"]
        ),
        (&json!(3), &json!("m"))
    );
    let by_arn = json!({"Arn": format!("{LAYER}l:2")});
    let by_arn = world
        .call("GetLayerVersionByArn", by_arn)
        .await
        .expect("found");
    assert_eq!(by_arn["Version"], 2);
    let statement = json!({"LayerName": "l", "VersionNumber": 1, "StatementId": "all", "Action": "lambda:GetLayerVersion", "Principal": "*"});
    world
        .call("AddLayerVersionPermission", statement)
        .await
        .expect("added");
    let policy = world.call(
        "GetLayerVersionPolicy",
        json!({"LayerName": "l", "VersionNumber": 1}),
    );
    let policy = policy.await.expect("shown");
    assert!(policy["Policy"].as_str().expect("a text").contains("l:1"));

    let cases = [
        (
            json!([format!("{LAYER}l:9")]),
            format!("Layer version {LAYER}l:9 does not exist."),
        ),
        (
            json!([format!("{LAYER}l:1"), format!("{LAYER}l:2")]),
            format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. {LAYER}l:2 and {LAYER}l:1 are versions of the same layer."
            ),
        ),
        (
            json!(vec![format!("{LAYER}l:1"); 6]),
            "Cannot reference more than 5 layers.".to_owned(),
        ),
    ];
    for (layers, message) in cases {
        let input = json!({
            "FunctionName": "f", "Runtime": "nodejs20.x", "Handler": "index.handler", "Role": crate::world::ROLE,
            "Layers": layers, "Code": {"ZipFile": STANDARD.encode(archive(&files))},
        });
        let failure = world
            .call("CreateFunction", input)
            .await
            .expect_err("refused");
        assert_eq!(
            (&*failure.code, failure.message),
            ("InvalidParameterValueException", message)
        );
    }
}
