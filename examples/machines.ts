// The charts that every agent and supervisor runs by are data: walked here step by step, without a process.
import { agentMachine, supervisorMachine } from 'supertree/machines';

for (const machine of [supervisorMachine, agentMachine]) {
  console.log(`${machine.id}: ${Object.keys(machine.root.states).join(', ')}`);
}
const stopping = agentMachine.root.states.stopping;
if (stopping !== undefined) {
  console.log(`an agent stops by ${Object.keys(stopping.states).join(', ')}`);
  console.log(stopping.description);
}
