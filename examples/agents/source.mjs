// Shows: the head of a pipeline; when it ends, rest_for_one restarts everything that was started after it.
let number = 0;

setInterval(() => {
  number += 1;
  console.log(`source: ${number}`);
}, 5_000);

console.log('source: ready');
