import sys, time, torch
torch.set_num_threads(1)
from painter import latents as L
from painter.text import TextEncoder
e,t=L.frozen_encoder(),TextEncoder(threads=1)
for i in range(int(sys.argv[1]),int(sys.argv[2]),2):
    s=time.time(); L.write_shard(i,e,t); print(i,time.time()-s,flush=True)
