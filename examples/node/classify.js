// Asks Music ReClass for the genre of an audio file over gRPC, by path or by bytes.
//
//     npm install
//     node classify.js --path "/data/music/Some Artist/Some Song.mp3"
//     node classify.js --bytes "Some Song.mp3"
//
// RECLASS_TARGET is the service's host:port, RECLASS_TOKEN its token. The contract is read from RECLASS_PROTOS, else from
// the checkout that this file lies in.
"use strict";

const fs = require("fs");
const path = require("path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const PROTOS = process.env.RECLASS_PROTOS || path.join(__dirname, "..", "..", "protos");
const LARGEST_MESSAGE = 80 * 1024 * 1024; // a whole file travels in one message
const SECONDS = 120;
const USAGE = "usage: node classify.js --path PATH | --bytes FILE";

function connect(target) {
  const definition = loader.loadSync("reclass/inference/v1/inference.proto", {
    includeDirs: [PROTOS],
    enums: String,
    longs: Number,
    defaults: true,
  });
  const { InferenceService } = grpc.loadPackageDefinition(definition).reclass.inference.v1;
  return new InferenceService(target, grpc.credentials.createInsecure(), {
    "grpc.max_send_message_length": LARGEST_MESSAGE,
    "grpc.enable_http_proxy": 0, // one that the environment names does not know the way
  });
}

function metadata(token) {
  const sent = new grpc.Metadata();
  if (token) sent.set("authorization", `Bearer ${token}`);
  return sent;
}

// The genre with what it is worth, without which it must not be shown.
function worth(answer) {
  const percent = `${Math.round(100 * answer.confidence)}%`;
  switch (answer.outcome) {
    case "OUTCOME_CLASSIFIED":
      return `${answer.genre}  ${percent}`;
    case "OUTCOME_PROVISIONAL":
      return `${answer.genre}  ${percent}  provisional: ${answer.provisionalReason}`;
    case "OUTCOME_NO_MODEL":
      return `analysed, but no model is trained yet; ${answer.vectors.length} vectors came back`;
    default:
      return `unlike the songs of the training; at a guess ${answer.genre}`;
  }
}

function main([how, named]) {
  if (how === "--help") {
    console.log(USAGE);
    return;
  }
  if (!["--path", "--bytes"].includes(how) || !named) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  try {
    ask(how === "--path" ? { path: named } : { content: fs.readFileSync(named) });
  } catch (error) {
    // A file that cannot be read, an address or a token that is none, a contract that is not there.
    console.error(error.message);
    process.exitCode = 2;
  }
}

function ask(audio) {
  const target = process.env.RECLASS_TARGET || "127.0.0.1:50053";
  if (!/^[^\s/]+:\d+$/.test(target)) {
    throw new Error(`RECLASS_TARGET is "${target}"; it must be host:port, as 127.0.0.1:50053`);
  }
  const token = process.env.RECLASS_TOKEN || "";
  if (!/^[!-~]*$/.test(token)) {
    throw new Error("RECLASS_TOKEN must be one word of plain characters, without a line break");
  }
  const client = connect(target);
  const deadline = new Date(Date.now() + 1000 * SECONDS);
  client.classifyTrack({ audio }, metadata(token), { deadline }, (error, answer) => {
    client.close();
    if (error) {
      console.error(`${grpc.status[error.code]}: ${error.details}`);
      process.exitCode = 1;
      return;
    }
    console.log(worth(answer));
    for (const verdict of answer.verdicts) {
      const ranking = verdict.top.map((each) => `${each.genre} ${Math.round(100 * each.probability)}%`);
      console.log(`  stage ${verdict.stage}: ${ranking.join(", ")}`);
    }
  });
}

main(process.argv.slice(2));
