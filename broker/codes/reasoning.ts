import type { CodeSection } from './code.ts';

export const REASONING_CODES: CodeSection = {
  title: 'Models and scenarios',
  about: 'A model that fails costs its answer; the rules always answer.',
  codes: {
    E_MODEL_LOAD: {
      what: 'A model can’t be loaded: no GGUF, another hash than was pulled, too large, or of a kind that llama.cpp does not know.',
      todo: '`sentinel model verify`; choose another with `sentinel model use`.',
    },
    E_MODEL_TIMEOUT: {
      what: 'A model did not answer in its time.',
      todo: 'Nothing: the rules answered. Choose a smaller one, or a faster machine; `sentinel model bench` measures.',
    },
    E_MODEL_OUTPUT: {
      what: 'A model’s answer is not whole, or names what is not there.',
      todo: 'Nothing: it costs that answer.',
    },
    E_MODEL_PROMPT: {
      what: 'The incident does not fit into the model’s context.',
      todo: 'Nothing: the rules answered. Choose a model with a larger context.',
    },
    E_MODEL_CRASHED: {
      what: 'llama.cpp ended on this model or this prompt.',
      todo: 'Choose another model; the hub went on with the rules.',
    },
    E_MODEL_NAME: {
      what: 'This name is none for a model.',
      todo: 'Give one of letters, digits, dots, dashes and underscores with `--name`; `own`, `none` and `rules` mean something else.',
    },
    E_MODEL_SOURCE: {
      what: 'What should be pulled is not there, is no model, or is an address that can’t be used.',
      todo: 'Mend the path or the address; the message says which.',
    },
    E_MODEL_CUT: { what: 'A download was cut.', todo: 'Run the same again: it goes on where it ended.' },
    E_MODEL_HASH: {
      what: 'What came is not what the hash names, or does not load. It was taken away.',
      todo: 'Pull it from another place.',
    },
    E_MODEL_SPACE: { what: 'There is no room for the model.', todo: 'Free disk space, or name another state folder.' },
    E_MODEL_REDIRECT: {
      what: 'The address sends on to another host, in the clear, or too often.',
      todo: 'Name that host with `--via`, if you trust it.',
    },
    E_MODEL_MANIFEST: {
      what: 'The list of pulled models can’t be read.',
      todo: 'Move it away, and pull the models again.',
    },
    E_MODEL_GONE: {
      what: 'A model that was chosen is not there.',
      todo: '`sentinel model list`, then `sentinel model use` another.',
    },
    E_ENDPOINT_DOWN: {
      what: 'The model server of `endpoint.yaml` does not answer.',
      todo: 'Start it, or mend the address. The rules answered meanwhile.',
    },
    E_ENDPOINT_REFUSED: {
      what: 'The model server answered with an error.',
      todo: 'Look at its log, at the model’s name and at the token in `endpoint.yaml`.',
    },
    E_SCENARIO_READ: { what: 'A file of scenarios can’t be read.', todo: 'Mend its path or its mode.' },
    E_SCENARIO_SIZE: { what: 'A file of scenarios is too large.', todo: 'Split it.' },
    E_SCENARIO_SYNTAX: {
      what: 'A file of scenarios is neither JSON nor YAML.',
      todo: 'Mend the line that the message names.',
    },
    E_SCENARIO_SHAPE: {
      what: 'A scenario lacks a field, or has one of another kind.',
      todo: 'Mend what the message names: docs/evaluation.md.',
    },
    E_SCENARIO_PATTERN: { what: 'A pattern of an answer key takes too long to match.', todo: 'Write a simpler one.' },
    E_SCENARIO_TWICE: { what: 'Two scenarios of a file have one id.', todo: 'Give each its own.' },
    E_REPLAY_RECORD: {
      what: 'What should be replayed is no record of a decision, or of another version.',
      todo: 'Run `sentinel eval` again, then `sentinel replay --eval`.',
    },
  },
};
