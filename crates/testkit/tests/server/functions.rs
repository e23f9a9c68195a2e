//! What belongs to functions, from outside: layers, versions, aliases, URLs, and custom resources that
//! functions make.

use std::io::{Read as _, Write as _};

use anyhow::{Context, ensure};
use serde_json::json;
use testkit::Server;

const TEMPLATE: &str = "
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters: {Names: {Type: CommaDelimitedList, Default: 'a,b'}}
Globals: {Function: {Runtime: nodejs20.x, Handler: index.handler, Timeout: 20}}
Resources:
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer/, CompatibleRuntimes: [nodejs20.x]}
  Fn::ForEach::Functions:
    - Name
    - !Ref Names
    - Greet${Name}:
        Type: AWS::Serverless::Function
        Properties:
          CodeUri: src/
          Layers: [!Ref Shared]
          AutoPublishAlias: live
          FunctionUrlConfig: {AuthType: NONE}
          Environment: {Variables: {WHO: '${Name}'}}
  Maker:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: |
        const answer = require('cfn-response');
        exports.handler = (event, context) => {
          const fits = event.ResourceProperties.Number !== '13';
          answer.send(event, context, fits ? answer.SUCCESS : answer.FAILED, {Doubled: 2 * event.ResourceProperties.Number}, 'thing');
        };
  Thing: {Type: Custom::Thing, Properties: {ServiceToken: !GetAtt Maker.Arn, Number: 21}}
Outputs:
  Doubled: {Value: !GetAtt Thing.Doubled}
  Thing: {Value: !Ref Thing}
  Url: {Value: !GetAtt GreetaUrl.FunctionUrl}
  Alias: {Value: !Ref Greetb.Alias}
";
const CODE: &str = "exports.handler = async (event, context) => ({who: process.env.WHO, says: require('shared'), path: event.rawPath, version: context.functionVersion});";

/// Asks for a URL whose host this machine's resolver need not know.
fn get(server: &Server, url: &str, path: &str) -> anyhow::Result<String> {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = std::net::TcpStream::connect(server.endpoint().trim_start_matches("http://"))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn what_belongs_to_functions_is_deployed_called_and_deleted() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let folder = server.folder().join("project");
    for (name, text) in [
        ("template.yaml", TEMPLATE),
        ("src/index.js", CODE),
        (
            "layer/nodejs/node_modules/shared/index.js",
            "module.exports = 'hello'",
        ),
    ] {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().context("it is in a folder")?)?;
        std::fs::write(path, text)?;
    }
    server.deploy(&folder, "app")?;
    let describe = ["cloudformation", "describe-stacks", "--stack-name", "app"];
    let stack = aws.call(&describe)?;
    let output = |name: &str| {
        let outputs = stack["Stacks"][0]["Outputs"].as_array();
        let found = outputs?.iter().find(|output| output["OutputKey"] == name)?;
        found["OutputValue"].as_str()
    };
    ensure!(
        (output("Doubled"), output("Thing")) == (Some("42"), Some("thing")),
        "{stack}"
    );
    let alias = output("Alias").context("an alias")?;
    let answer = aws.invoke(alias, &json!({}))?;
    ensure!(
        answer.payload == json!({"who": "b", "says": "hello", "version": "1"}),
        "{}",
        answer.payload
    );
    let answer = get(&server, output("Url").context("a URL")?, "/a/b")?;
    ensure!(
        answer.starts_with("HTTP/1.1 200")
            && answer.ends_with(r#"{"who":"a","says":"hello","path":"/a/b","version":"1"}"#),
        "{answer}"
    );
    let alias = [
        "lambda",
        "get-function-configuration",
        "--function-name",
        alias,
    ];
    let shown = aws.call(&alias)?;
    ensure!(
        shown["Version"] == "1" && shown["Layers"][0]["Arn"].is_string(),
        "{shown}"
    );

    // What the function refuses is rolled back.
    let refused = TEMPLATE.replace("Number: 21", "Number: 13");
    std::fs::write(folder.join("template.yaml"), refused)?;
    let failed = server.deploy(&folder, "app");
    let failed = failed.err().context("the function refuses it")?.to_string();
    ensure!(failed.contains("UPDATE_ROLLBACK"), "{failed}");

    aws.call(&["cloudformation", "delete-stack", "--stack-name", "app"])?;
    aws.call(&[
        "cloudformation",
        "wait",
        "stack-delete-complete",
        "--stack-name",
        "app",
    ])?;
    // A version of SAM's stays, but its function is gone; so is everything else.
    let left = aws.call(&["lambda", "list-functions", "--function-version", "ALL"])?;
    ensure!(left["Functions"] == json!([]), "{left}");
    Ok(())
}
