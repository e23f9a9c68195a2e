'use strict';

// Lists the applications in a state.

const store = require('./ApplicationStore');

module.exports.handler = ({ state }) => store.findByState(state);
