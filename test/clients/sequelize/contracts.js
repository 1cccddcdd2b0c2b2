// snippet: contracts
