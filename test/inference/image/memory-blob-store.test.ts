import { blobStoreContract } from '../../contracts/blob-store-contract.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';

blobStoreContract('the store in memory', async () => new MemoryBlobStore());
